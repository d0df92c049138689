import { type ReactNode, useId } from "react";
import { cx } from "./cx";

type Props = {
  title: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
  flush?: boolean;
  testId?: string;
};

/** A titled panel; it is a landmark that carries its title. */
export function Card({ title, aside, children, className, flush = false, testId }: Props) {
  const id = useId();
  return (
    <section
      aria-labelledby={id}
      data-testid={testId}
      className={cx("min-w-0 rounded-md border border-line bg-surface", className)}
    >
      <header className="flex min-h-10 flex-wrap items-center justify-between gap-x-3 gap-y-1 border-line border-b px-3 py-1.5">
        <h2 id={id} className="font-semibold text-[13px]">
          {title}
        </h2>
        {aside}
      </header>
      <div className={flush ? "" : "p-3"}>{children}</div>
    </section>
  );
}
