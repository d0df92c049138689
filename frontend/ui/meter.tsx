import { cx } from "./cx";

const TIGHT = 0.8;
const FULL = 0.92;

/** How much of something is used, as a bar with its words; an unknown share has no bar. */
export function Meter({ share, label, children }: { share: number | null; label: string; children: string }) {
  const tone = (share ?? 0) >= FULL ? "bg-bad" : (share ?? 0) >= TIGHT ? "bg-warn" : "bg-accent";
  return (
    <div className="min-w-28">
      <span className="block whitespace-nowrap font-mono text-[12.5px]">{children}</span>
      {share === null ? null : (
        <span
          role="img"
          aria-label={`${label}: ${Math.round(share * 100)}%`}
          className="mt-0.5 block h-1.5 overflow-hidden rounded-full bg-sunken"
        >
          <span
            className={cx("block h-full rounded-full", tone)}
            style={{ width: `${Math.min(share, 1) * 100}%` }}
          />
        </span>
      )}
    </div>
  );
}
