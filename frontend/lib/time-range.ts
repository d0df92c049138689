/** The time range of a page and its form in the URL: `?range=15m` or `?from=…&to=…`. */

export const SPANS = { "5m": 300, "15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400 } as const;
export type Span = keyof typeof SPANS;
export type TimeRange =
  | { readonly kind: "last"; readonly span: Span }
  | { readonly kind: "fixed"; readonly from: number; readonly to: number };
export type Window = { readonly from: number; readonly to: number };

export const DEFAULT_RANGE: TimeRange = { kind: "last", span: "15m" };
export const LONGEST_MS = 31 * 86_400_000;
export const SPAN_NAMES: Readonly<Record<Span, string>> = {
  "5m": "last 5 minutes",
  "15m": "last 15 minutes",
  "1h": "last hour",
  "6h": "last 6 hours",
  "24h": "last 24 hours",
};

export function isSpan(text: string | null): text is Span {
  return text !== null && Object.hasOwn(SPANS, text);
}

function instant(text: string | null): number | null {
  const time = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? null : time;
}

export type FixedRangeProblem = "unreadable" | "reversed" | "too_long";

export function fixedRange(from: number | null, to: number | null): TimeRange | FixedRangeProblem {
  if (from === null || to === null || Number.isNaN(from) || Number.isNaN(to)) return "unreadable";
  if (to <= from) return "reversed";
  return to - from > LONGEST_MS ? "too_long" : { kind: "fixed", from, to };
}

/** What cannot be read falls back to the default: a link must never lead to a broken page. */
export function rangeFromParams(params: URLSearchParams, fallback = DEFAULT_RANGE): TimeRange {
  if (params.has("from") || params.has("to")) {
    const range = fixedRange(instant(params.get("from")), instant(params.get("to")));
    return typeof range === "string" ? fallback : range;
  }
  const span = params.get("range");
  return isSpan(span) ? { kind: "last", span } : fallback;
}

export type RangeParams = { range: string | null; from: string | null; to: string | null };

export function rangeToParams(range: TimeRange): RangeParams {
  return range.kind === "last"
    ? { range: range.span, from: null, to: null }
    : { range: null, ...isoWindow(range) };
}

/** Stable identity of a range, for query keys. */
export function rangeKey(range: TimeRange): string {
  return range.kind === "last" ? range.span : `${range.from}-${range.to}`;
}

/** The instants a range stands for now. Records of the last two seconds are still on their way. */
export function windowOf(range: TimeRange, now: number): Window {
  if (range.kind === "fixed") return { from: range.from, to: range.to };
  const to = Math.floor((now - 2000) / 1000) * 1000;
  return { from: to - SPANS[range.span] * 1000, to };
}

/** A window as the API takes it. */
export function isoWindow(window: Window): { from: string; to: string } {
  return { from: new Date(window.from).toISOString(), to: new Date(window.to).toISOString() };
}

export function lengthOf(range: TimeRange): number {
  return range.kind === "last" ? SPANS[range.span] * 1000 : range.to - range.from;
}

const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800] as const;
const WANTED_POINTS = 120;

/** Seconds of one slot, so that a chart has at most 120 of them. */
export function stepFor(range: TimeRange): number {
  const least = lengthOf(range) / 1000 / WANTED_POINTS;
  return STEPS_S.find((step) => step >= least) ?? 28_800;
}

/** A selection on a chart, at least a second wide. */
export function selection(from: number, to: number): TimeRange {
  const start = Math.floor(Math.min(from, to));
  const end = Math.ceil(Math.max(from, to));
  return { kind: "fixed", from: start, to: Math.max(end, start + 1000) };
}

const two = (value: number) => String(value).padStart(2, "0");

/** The value of a `datetime-local` field, in the reader's time zone. */
export function toLocalField(time: number): string {
  const at = new Date(time);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
