/** The overview's figures: comparisons with the range before, and series ready to draw. */
import type {
  HostPoint,
  Overview,
  ProcessResources,
  RequestPoint,
  Resources,
  ServiceSummary,
} from "@/api/types";
import { formatRatio } from "@/lib/format";
import type { Slot } from "@/lib/links";
import type { Window } from "@/lib/time-range";

export type Change = {
  readonly text: string;
  readonly direction: "up" | "down" | "same";
  readonly verdict: "better" | "worse" | "neutral";
};
export type Wish = "lower" | "neither";

/** How a figure changed. Null when either side is unknown: an unknown is no zero. */
export function changeOf(now: number | null, before: number | null, wish: Wish): Change | null {
  if (now === null || before === null) return null;
  if (before === 0 && now !== 0) return { text: "from 0", direction: "up", verdict: verdictOf(1, wish) };
  const ratio = before === 0 ? 0 : (now - before) / before;
  if (Math.abs(ratio) < 0.005) return { text: "unchanged", direction: "same", verdict: "neutral" };
  const factor = 1 + ratio;
  const text = factor >= 10 ? `${Math.round(factor)}×` : formatRatio(Math.abs(ratio));
  return { text, direction: ratio > 0 ? "up" : "down", verdict: verdictOf(ratio, wish) };
}

function verdictOf(ratio: number, wish: Wish): Change["verdict"] {
  if (wish === "neither" || Math.abs(ratio) < 0.05) return "neutral";
  return ratio > 0 ? "worse" : "better";
}

/** A range before which nothing was received cannot be compared with. */
export function previousOf(overview: Overview): Overview["previous"] | null {
  return overview.previous.requests > 0 ? overview.previous : null;
}

export type Series = readonly (number | null)[];

/** The share of a slot that lies within what was asked for: the first and the last are cut. */
export function coverage(slotStart_s: number, step_s: number, window: Window): number {
  const start = Math.max(slotStart_s * 1000, window.from);
  const end = Math.min((slotStart_s + step_s) * 1000, window.to);
  return Math.min(1, Math.max(0, (end - start) / (step_s * 1000)));
}

const LEAST_COVERAGE = 0.3;

export type RequestSeries = {
  readonly times: readonly number[];
  readonly rate: Series;
  readonly errorRatio: Series;
  readonly p50: Series;
  readonly p95: Series;
  readonly p99: Series;
};

/** Slots that are cut are scaled to their whole, or left open when too little of them is there. */
export function requestSeries(
  points: readonly RequestPoint[],
  step_s: number,
  window: Window,
): RequestSeries {
  const times = points.map((point) => Date.parse(point.t) / 1000);
  const shares = times.map((time) => coverage(time, step_s, window));
  return {
    times,
    rate: points.map((point, at) => {
      const share = shares[at] ?? 0;
      return share < LEAST_COVERAGE ? null : point.requests / (step_s * share);
    }),
    errorRatio: points.map((point) => point.error_ratio ?? null),
    p50: points.map((point) => point.p50_ms ?? null),
    p95: points.map((point) => point.p95_ms ?? null),
    p99: points.map((point) => point.p99_ms ?? null),
  };
}

export function slotAt(points: readonly RequestPoint[], step_s: number, time_s: number): Slot {
  const point = points.find((each) => Date.parse(each.t) / 1000 === time_s);
  return {
    from: time_s * 1000,
    to: (time_s + step_s) * 1000,
    errors: point?.errors ?? null,
    p95Ms: point?.p95_ms ?? null,
  };
}

export type HostSeries = {
  readonly times: readonly number[];
  readonly of: (key: Exclude<keyof HostPoint, "t">) => Series;
};

export function hostSeries(resources: Resources): HostSeries {
  const { points } = resources.host;
  return {
    times: points.map((point) => Date.parse(point.t) / 1000),
    of: (key) => points.map((point) => point[key] ?? null),
  };
}

/** The newest value that is known. */
export function latest(series: Series): number | null {
  return series.findLast((value) => value !== null) ?? null;
}

/** Bytes a second that visitors got from one process; unknown for those that serve none. */
export function sentBy(
  process: Pick<ProcessResources, "process" | "service">,
  services: readonly ServiceSummary[],
): number | null {
  const releases = services.filter(
    (each) => each.service === process.service && `${each.service}.${each.colour}` === process.process,
  );
  if (releases.length === 0) return null;
  return releases.reduce((sum, each) => sum + each.sent_bytes_per_s, 0);
}
