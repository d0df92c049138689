import { cx } from "./cx";

export function Skeleton({ className }: { className: string }) {
  return <span aria-hidden="true" className={cx("skeleton block", className)} />;
}

/** Rows of the height that the list will have, so that nothing jumps when it arrives. */
export function SkeletonRows({
  rows,
  label,
  height = "h-8",
}: {
  rows: number;
  label: string;
  height?: string;
}) {
  return (
    <div role="status" aria-label={`Loading ${label}`} className="flex flex-col">
      {Array.from({ length: rows }, (_, row) => row).map((row) => (
        <div key={row} className={cx("flex items-center border-line border-b px-3 last:border-b-0", height)}>
          <Skeleton className={cx("h-3", row % 3 === 0 ? "w-2/3" : row % 3 === 1 ? "w-1/2" : "w-3/5")} />
        </div>
      ))}
    </div>
  );
}
