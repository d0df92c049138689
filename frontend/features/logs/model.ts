/** What a log entry says at a glance, and what a list of them is narrowed to. */
import type { LogRecord } from "@/api/types";
import { isSearchable, withChoice } from "@/features/search/terms";
import { type Scope, scopeOf } from "@/lib/scope";

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
  readonly scope: Scope;
  readonly severity_min: Severity | null;
  readonly trace_id: string | null;
  readonly attribute: readonly string[];
};

/** A severity that is none is left out: a link must never lead to a broken page. */
export function logQueryFromParams(params: URLSearchParams): LogQuery {
  return {
    q: params.get("q") || null,
    ...scopeOf(params),
    severity_min: SEVERITIES.find((severity) => severity === params.get("severity")) ?? null,
    trace_id: params.get("trace_id") || null,
    attribute: [...new Set(params.getAll("attr"))].filter((attribute) => attribute.includes("=")),
  };
}

/** The parameters that narrow a list by one attribute; one that the language cannot name has its own. */
export function narrowed(query: LogQuery, key: string, value: string, choice: "included" | "excluded") {
  if (isSearchable(key)) return { q: withChoice(query.q ?? "", key, value, choice) };
  return { attr: [...query.attribute, `${key}=${value}`] };
}

export function isNarrowed(query: LogQuery): boolean {
  return Boolean(query.q || query.service || query.severity_min || query.trace_id || query.attribute.length);
}

const STACK = "exception.stacktrace";

/** The exception that came with an entry: its type and message, else the last line of its stack trace. */
export function exceptionOf(record: Pick<LogRecord, "attributes">): string | null {
  const { "exception.type": type, "exception.message": message, [STACK]: stack } = record.attributes;
  if (type || message) return [type, message].filter(Boolean).join(": ");
  const last = stack?.trimEnd().split("\n").at(-1)?.trim();
  return last || null;
}

/** A stack trace is long, and read apart from the other attributes. */
export function splitStack(attributes: Readonly<Record<string, string>>) {
  const { [STACK]: stack, ...rest } = attributes;
  return { stack: stack ?? null, rest };
}

/** The first line that says something; the rest is for the drawer. */
export function headline(body: string): string {
  const line = body.split("\n").find((each) => each.trim() !== "");
  return line?.trim() ?? "";
}

/** A pattern in the parts that all its lines have, and the places where they differ. */
export function partsOf(pattern: string): readonly { readonly text: string; readonly isGap: boolean }[] {
  const parts = pattern.split(/(<\*>|<\.\.\.>)/).filter((text) => text !== "");
  return parts.map((text) => ({ text, isGap: text === "<*>" || text === "<...>" }));
}
