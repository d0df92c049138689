/** What a log entry says at a glance, and what a list of them is narrowed to. */
import type { LogRecord } from "@/api/types";

export const SEVERITIES = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** OpenTelemetry numbers severities in ranges of four; an entry that has none counts as info. */
export function severityOf(record: Pick<LogRecord, "severity_number">): Severity {
  const { severity_number: given } = record;
  return given < 1 ? "info" : (SEVERITIES[Math.floor((given - 1) / 4)] ?? "fatal");
}

export type LogQuery = {
  readonly q: string | null;
  readonly service: string | null;
  readonly severity_min: Severity | null;
  readonly trace_id: string | null;
  readonly attribute: readonly string[];
};

/** A severity that is none is left out: a link must never lead to a broken page. */
export function logQueryFromParams(params: URLSearchParams): LogQuery {
  return {
    q: params.get("q") || null,
    service: params.get("service") || null,
    severity_min: SEVERITIES.find((severity) => severity === params.get("severity")) ?? null,
    trace_id: params.get("trace_id") || null,
    attribute: [...new Set(params.getAll("attr"))].filter((attribute) => attribute.includes("=")),
  };
}

export function isNarrowed(query: LogQuery): boolean {
  return Boolean(query.q || query.service || query.severity_min || query.trace_id || query.attribute.length);
}

/** The first line that says something; the rest is for the drawer. */
export function headline(body: string): string {
  const line = body.split("\n").find((each) => each.trim() !== "");
  return line?.trim() ?? "";
}
