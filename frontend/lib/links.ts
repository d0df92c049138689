/** Addresses of the console's pages. What a click leads to is decided here, without a DOM. */
import { rangeToParams, type TimeRange, type Window } from "./time-range";

type Values = Readonly<Record<string, string | number | boolean | null | undefined | readonly string[]>>;

function address(path: string, values: Values): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (Array.isArray(value)) for (const each of value) params.append(key, each);
    else if (value === true) params.set(key, "1");
    else if (value !== null && value !== undefined && value !== false && value !== "")
      params.set(key, String(value));
  }
  const query = params.toString();
  return query ? `${path}?${query}` : path;
}

export function overviewLink(range: TimeRange, service?: string | null): string {
  return address("/monitoring/", { ...rangeToParams(range), service });
}

/** `failed`: the edge answered with 500 or more. `errors`: some span failed, however it was answered. */
export type Outcome = "failed" | "errors";

export type TraceFilterLink = {
  service?: string | null;
  route?: string | null;
  outcome?: Outcome | null;
  minDurationMs?: number | null;
};

function traceParams(range: TimeRange, filter: TraceFilterLink): Values {
  return {
    ...rangeToParams(range),
    service: filter.service,
    route: filter.route,
    outcome: filter.outcome,
    min_ms: filter.minDurationMs,
  };
}

export function tracesLink(range: TimeRange, filter: TraceFilterLink = {}): string {
  return address("/monitoring/traces/", traceParams(range, filter));
}

/** The newest trace that fits, with the others to step through. */
export function firstTraceLink(range: TimeRange, filter: TraceFilterLink): string {
  return address("/monitoring/trace/", traceParams(range, filter));
}

export type LogFilterLink = {
  q?: string | null;
  service?: string | null;
  severityMin?: string | null;
  traceId?: string | null;
  attributes?: readonly string[];
};

export function logsLink(range: TimeRange, filter: LogFilterLink = {}): string {
  return address("/monitoring/logs/", {
    ...rangeToParams(range),
    q: filter.q,
    service: filter.service,
    severity: filter.severityMin,
    trace_id: filter.traceId,
    attr: filter.attributes,
  });
}

export function traceLink(traceId: string, spanId?: string | null): string {
  return address("/monitoring/trace/", { id: traceId, span: spanId });
}

/** One slot of a chart, `[from, to)` in milliseconds, with what is known of its requests. */
export type Slot = Window & { readonly errors: number | null; readonly p95Ms: number | null };
export type ChartKind = "requests" | "errors" | "latency" | "resource";
export type SlotLink = { readonly label: string; readonly href: string };

const LEAD_MS = 2000;

/** The edge counts a request when it ends, a trace begins when the request began: look back that far. */
function traceRange(slot: Slot): TimeRange {
  return { kind: "fixed", from: slot.from - LEAD_MS - Math.ceil(slot.p95Ms ?? 0), to: slot.to };
}

/** What a point of a chart leads to, most wanted first. */
export function slotLinks(slot: Slot, chart: ChartKind, service: string | null): readonly SlotLink[] {
  const range: TimeRange = { kind: "fixed", from: slot.from, to: slot.to };
  const traces = traceRange(slot);
  const links: SlotLink[] = [];
  if (slot.errors !== 0 && chart !== "resource") {
    const label = slot.errors === null ? "Failed traces" : `Failed traces (${slot.errors})`;
    links.push({ label, href: tracesLink(traces, { service, outcome: "failed" }) });
  }
  if (chart === "latency" && slot.p95Ms !== null) {
    const minDurationMs = Math.floor(slot.p95Ms);
    links.push({
      label: `Traces from ${minDurationMs} ms`,
      href: tracesLink(traces, { service, minDurationMs }),
    });
  }
  links.push({ label: "All traces", href: tracesLink(traces, { service }) });
  links.push({ label: "Logs", href: logsLink(range, { service }) });
  links.push({ label: "Show only this time", href: overviewLink(range, service) });
  return links;
}

/** A failing slot of the error chart needs no choice: what failed there is what is wanted. */
export function directLink(slot: Slot, chart: ChartKind, service: string | null): string | null {
  if (chart !== "errors" || !slot.errors) return null;
  return firstTraceLink(traceRange(slot), { service, outcome: "failed" });
}
