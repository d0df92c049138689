/** How many lines there were over time, as bars that are stacked by how bad the lines are. */
import type { LogHistogram } from "@/api/types";
import { selection, type TimeRange } from "@/lib/time-range";

export type Layer = "bad" | "warn" | "rest";
export const LAYERS = ["rest", "warn", "bad"] as const;
export type Column = {
  readonly from: number;
  readonly to: number;
  readonly counts: Readonly<Record<Layer, number>>;
};

export function columnsOf({ step_s, points }: LogHistogram): readonly Column[] {
  return points.map((point) => ({
    from: Date.parse(point.t),
    to: Date.parse(point.t) + step_s * 1000,
    counts: {
      bad: point.error + point.fatal,
      warn: point.warn,
      rest: point.trace + point.debug + point.info,
    },
  }));
}

export function totalOf(columns: readonly Column[]): Readonly<Record<Layer, number>> {
  const total = { bad: 0, warn: 0, rest: 0 };
  for (const { counts } of columns) for (const layer of LAYERS) total[layer] += counts[layer];
  return total;
}

export type Bar = {
  readonly layer: Layer;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};
const GAP = 0.2;
/** A line that is there is seen, however many others there are. */
const LEAST = 0.03;

/** Bars in a square of 1 by 1, the origin at the top. */
export function barsOf(columns: readonly Column[]): readonly Bar[] {
  const highest = Math.max(1, ...columns.map(({ counts }) => counts.bad + counts.warn + counts.rest));
  const width = 1 / Math.max(1, columns.length);
  return columns.flatMap(({ counts }, at) => {
    let top = 1;
    return LAYERS.flatMap((layer) => {
      if (counts[layer] === 0) return [];
      const height = Math.max(LEAST, counts[layer] / highest);
      top = Math.max(0, top - height);
      return [{ layer, x: (at + GAP / 2) * width, y: top, width: width * (1 - GAP), height }];
    });
  });
}

/** The time between two places (0 to 1) of the histogram; a click is the column that it hits. */
export function rangeAt(columns: readonly Column[], from: number, to: number): TimeRange | null {
  const at = (share: number) =>
    columns[Math.min(columns.length - 1, Math.max(0, Math.floor(share * columns.length)))];
  const first = at(Math.min(from, to));
  const last = at(Math.max(from, to));
  return first && last ? selection(first.from, last.to) : null;
}
