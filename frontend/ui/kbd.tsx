import type { ReactNode } from "react";

export function Kbd({ children }: { children: ReactNode }) {
  return (
    <kbd className="inline-block min-w-4 rounded-[3px] border border-line-strong border-b-2 bg-raised px-1 text-center font-mono text-[11px] text-ink-soft leading-4">
      {children}
    </kbd>
  );
}
