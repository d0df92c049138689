/** The part of a trace that is looked at, in milliseconds from its start, and its form in the address. */
import type { Timeline } from "./layout";

const LEAST_SHARE = 0.00001;

/** `12.5-80`; what cannot be read, or lies outside, is the whole trace. */
export function zoomFrom(text: string | null, whole: Timeline): Timeline {
  const [, from, to] = /^(-?[\d.]+)-(-?[\d.]+)$/.exec(text ?? "") ?? [];
  if (from === undefined || to === undefined) return whole;
  const start = Math.max(Number(from), whole.start);
  const end = Math.min(Number(to), whole.start + whole.length);
  return end - start >= whole.length * LEAST_SHARE ? { start, length: end - start } : whole;
}

const rounded = (value: number) => Number(value.toPrecision(7));

/** The part between two shares of what is shown now; null for a click, which is no part. */
export function zoomTo(shown: Timeline, from: number, to: number): string | null {
  if (Math.abs(to - from) < 0.005) return null;
  const at = (share: number) => rounded(shown.start + share * shown.length);
  return `${at(Math.min(from, to))}-${at(Math.max(from, to))}`;
}

/** What a key makes of the part that is shown: null for the whole, undefined for a key that does nothing. */
export function zoomByKey(key: string, whole: Timeline, shown: Timeline): string | null | undefined {
  const middle = shown.start + shown.length / 2;
  const around = (centre: number, length: number) => {
    if (length >= whole.length) return null;
    const start = Math.min(Math.max(centre - length / 2, whole.start), whole.start + whole.length - length);
    return `${rounded(start)}-${rounded(start + length)}`;
  };
  if (key === "+" || key === "=") return around(middle, shown.length / 2);
  if (key === "-") return around(middle, shown.length * 2);
  if (key === "ArrowLeft") return around(middle - shown.length / 4, shown.length);
  if (key === "ArrowRight") return around(middle + shown.length / 4, shown.length);
  return key === "Escape" ? null : undefined;
}
