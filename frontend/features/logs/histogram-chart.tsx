"use client";
import { type PointerEvent, useMemo, useState } from "react";
import { formatClock, formatCount, plural, UNKNOWN } from "@/lib/format";
import type { TimeRange } from "@/lib/time-range";
import { barsOf, type Column, columnsOf, type Layer, rangeAt, totalOf } from "./histogram";
import type { LogQuery } from "./model";
import { useLogHistogram } from "./queries";

const FILLS: Readonly<Record<Layer, string>> = {
  bad: "var(--bad)",
  warn: "var(--warn)",
  rest: "var(--line-strong)",
};

type Props = {
  query: LogQuery;
  range: TimeRange;
  isPaused: boolean;
  onRange: (range: TimeRange) => void;
};

/** How many lines there were over time; a click or a drag narrows the time. */
export function LogHistogram({ query, range, isPaused, onRange }: Props) {
  const histogram = useLogHistogram(query, range, isPaused);
  const columns = useMemo(() => (histogram.data ? columnsOf(histogram.data) : NONE), [histogram.data]);
  const [over, setOver] = useState<Column | null>(null);
  const shown = over?.counts ?? (histogram.data ? totalOf(columns) : null);
  return (
    <div className="flex flex-col gap-1 border-line border-b px-3 py-2" data-testid="log-histogram">
      <p className="flex flex-wrap gap-x-4 text-[12.5px] text-ink-soft">
        <span>{shown ? plural(shown.bad + shown.warn + shown.rest, "line") : UNKNOWN}</span>
        <Count layer="bad" name="errors" count={shown?.bad} />
        <Count layer="warn" name="warnings" count={shown?.warn} />
        <span className="ml-auto font-mono text-[12px] text-ink-faint">
          {over ? `${formatClock(over.from)} to ${formatClock(over.to)}` : ""}
        </span>
      </p>
      <Bars columns={columns} onOver={setOver} onRange={onRange} />
    </div>
  );
}

const NONE: readonly Column[] = [];

function Count({ layer, name, count }: { layer: Layer; name: string; count: number | undefined }) {
  return (
    <span className="flex items-center gap-1.5">
      <span aria-hidden="true" className="size-2.5 rounded-sm" style={{ background: FILLS[layer] }} />
      {formatCount(count)} {name}
    </span>
  );
}

type BarsProps = {
  columns: readonly Column[];
  onOver: (column: Column | null) => void;
  onRange: (range: TimeRange) => void;
};

function Bars({ columns, onOver, onRange }: BarsProps) {
  const [from, setFrom] = useState<number | null>(null);
  const [to, setTo] = useState(0);
  const shareOf = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(0.9999, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const move = (event: PointerEvent<SVGSVGElement>) => {
    setTo(shareOf(event));
    onOver(columns[Math.floor(shareOf(event) * columns.length)] ?? null);
  };
  const finish = (event: PointerEvent<SVGSVGElement>) => {
    const range = from === null ? null : rangeAt(columns, from, shareOf(event));
    setFrom(null);
    if (range) onRange(range);
  };
  return (
    <svg
      viewBox="0 0 1 1"
      preserveAspectRatio="none"
      role="img"
      aria-label="Lines over time; drag to narrow the time"
      className="h-12 w-full cursor-crosshair touch-pan-y"
      onPointerDown={(event) => setFrom(shareOf(event))}
      onPointerMove={move}
      onPointerUp={finish}
      onPointerLeave={() => {
        setFrom(null);
        onOver(null);
      }}
    >
      <rect width="1" height="1" fill="transparent" />
      {from === null ? null : (
        <rect x={Math.min(from, to)} width={Math.abs(to - from)} height="1" fill="var(--accent-soft)" />
      )}
      {barsOf(columns).map(({ layer, ...bar }) => (
        <rect key={`${layer}${bar.x}`} {...bar} fill={FILLS[layer]} />
      ))}
    </svg>
  );
}
