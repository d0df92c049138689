import type { ReactNode } from "react";
import { ThemeButton } from "@/features/shell/theme-button";

/** The frame of the pages before the log-in. */
export function SessionFrame({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-4 p-5">
      <div className="flex items-center justify-between">
        <p className="font-semibold text-xl tracking-tight">
          Insight<span className="text-accent">Engine</span>
        </p>
        <ThemeButton />
      </div>
      <h1 className="font-semibold text-lg">{title}</h1>
      {children}
    </main>
  );
}
