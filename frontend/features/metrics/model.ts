/** What is asked of a metric, its form in the address, and its answer ready to draw. */
import type { Aggregate, Metric, MetricResult } from "@/api/types";

export const AGGREGATES = [
  "avg",
  "sum",
  "min",
  "max",
  "count",
  "p50",
  "p90",
  "p95",
  "p99",
] as const satisfies readonly Aggregate[];

export type MetricQuery = {
  readonly name: string | null;
  readonly aggregate: Aggregate;
  readonly rate: boolean;
  readonly group_by: readonly string[];
  readonly q: string | null;
};

/** What cannot be read is left out: a link must never lead to a broken page. */
export function metricQueryFromParams(params: URLSearchParams): MetricQuery {
  return {
    name: params.get("name") || null,
    aggregate: AGGREGATES.find((each) => each === params.get("agg")) ?? "avg",
    rate: params.get("rate") === "1",
    group_by: [...new Set(params.getAll("by"))].filter((label) => label !== ""),
    q: params.get("q") || null,
  };
}

export type MetricParams = {
  readonly name: string;
  readonly agg: string;
  readonly rate: string | null;
  readonly by: readonly string[] | null;
  readonly q: null;
};

/** How a metric of this type is best begun with: a distribution by its tail, what is counted by its sum. */
export function startOf(metric: Pick<Metric, "name" | "type">): MetricParams {
  const isDistribution = metric.type === "histogram" || metric.type === "exponential_histogram";
  const agg = isDistribution ? "p95" : metric.type === "sum" ? "sum" : "avg";
  return { name: metric.name, agg, rate: null, by: null, q: null };
}

type Preset = { readonly title: string } & MetricParams;
const PRESETS: readonly Preset[] = [
  preset("Slowest requests by route", "http.server.request.duration", "p95", ["http.route"]),
  preset("Requests a second by service", "http.server.request.duration", "sum", ["service"], true),
  preset("Slowest statements", "db.client.operation.duration", "p95", ["db.operation.name"]),
  preset("Memory by process", "process.memory.usage", "avg", ["insight.process"]),
  preset("Processors by process", "process.cpu.utilization", "avg", ["insight.process"]),
  preset("Network by direction", "system.network.io", "sum", ["direction"], true),
];

function preset(title: string, name: string, agg: Aggregate, by: readonly string[], isRate = false): Preset {
  return { title, name, agg, by, rate: isRate ? "1" : null, q: null };
}

export function presetsFor(metrics: readonly Metric[]): readonly Preset[] {
  const names = new Set(metrics.map((metric) => metric.name));
  return PRESETS.filter((each) => names.has(each.name));
}

/** Metrics whose name or description says this. */
export function metricsLike(metrics: readonly Metric[], text: string): readonly Metric[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return metrics.filter(({ name, description }) => {
    const said = `${name} ${description}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

export type Line = {
  /** Tells it from others, also from one whose label reads the same. */
  readonly key: string;
  readonly label: string;
  readonly token: string;
  readonly values: readonly (number | null)[];
  readonly last: number | null;
  readonly mean: number | null;
  readonly max: number | null;
};
/** More lines than this cannot be told apart. */
export const MOST_LINES = 16;

/** Lines with the highest first; all of them have their name and figures. */
export function linesOf(
  result: MetricResult,
  name: string,
): { times: readonly number[]; lines: readonly Line[] } {
  const times = result.series[0]?.points.map((point) => Date.parse(point.t) / 1000) ?? [];
  const lines = result.series
    .map(({ labels, points }) => {
      const values = points.map((point) => point.value);
      const known = values.filter((value) => value !== null);
      const label =
        Object.values(labels)
          .map((value) => value || "(none)")
          .join(", ") || name;
      const sum = known.reduce((total, value) => total + value, 0);
      return {
        key: JSON.stringify(labels),
        label,
        values,
        last: values.findLast((value) => value !== null) ?? null,
        mean: known.length > 0 ? sum / known.length : null,
        max: known.length > 0 ? Math.max(...known) : null,
      };
    })
    .toSorted((a, b) => (b.max ?? -Infinity) - (a.max ?? -Infinity));
  return { times, lines: lines.map((line, at) => ({ ...line, token: `series-${at % 8}` })) };
}
