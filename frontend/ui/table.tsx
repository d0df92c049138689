import type { ReactNode } from "react";
import { cx } from "./cx";

/** A table that scrolls within itself on a narrow screen. `label` is its accessible name. */
export function Table({ label, head, children }: { label: string; head: ReactNode; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
    <section className="overflow-x-auto" aria-label={`${label}, scrollable`} tabIndex={0}>
      <table className="w-full border-collapse text-left" aria-label={label}>
        <thead>
          <tr>{head}</tr>
        </thead>
        <tbody className="[&>tr:last-child>*]:border-b-0">{children}</tbody>
      </table>
    </section>
  );
}

type CellProps = { children?: ReactNode; numeric?: boolean; className?: string; span?: number };

export function Th({ children, numeric = false, className }: CellProps) {
  return (
    <th
      scope="col"
      className={cx(
        "eyebrow whitespace-nowrap border-line border-b px-3 py-1.5 font-normal",
        numeric && "text-right",
        className,
      )}
    >
      {children}
    </th>
  );
}

const CELL = "border-line border-b px-3 py-1.5 align-middle";

export function Td({ children, numeric = false, className, span }: CellProps) {
  return (
    <td
      colSpan={span}
      className={cx(CELL, numeric && "whitespace-nowrap text-right font-mono text-[12.5px]", className)}
    >
      {children}
    </td>
  );
}

export function RowHead({ children, className }: CellProps) {
  return (
    <th scope="row" className={cx(CELL, "font-medium", className)}>
      {children}
    </th>
  );
}
