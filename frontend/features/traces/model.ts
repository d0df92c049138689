/** What traces are narrowed to, and what a span says at a glance. */
import type { Span, Trace } from "@/api/types";
import { type Scope, scopeOf } from "@/lib/scope";

export type TraceQuery = {
  readonly q: string | null;
  readonly service: string | null;
  readonly scope: Scope;
  readonly route: string | null;
  readonly min_duration_ms: number | null;
  readonly errors_only: boolean;
  readonly status_min: number | null;
};

const LEAST_FAILURE = 500;

const LONGEST_MS = 86_400_000;

/** What cannot be read is left out: a link must never lead to a broken page. */
export function traceQueryFromParams(params: URLSearchParams): TraceQuery {
  return {
    q: params.get("q") || null,
    ...scopeOf(params),
    route: params.get("route") || null,
    min_duration_ms: readMilliseconds(params.get("min_ms")),
    errors_only: params.get("outcome") === "errors",
    status_min: params.get("outcome") === "failed" ? LEAST_FAILURE : null,
  };
}

export function readMilliseconds(text: string | null): number | null {
  const value = text?.trim() ? Number(text) : Number.NaN;
  return value > 0 && value <= LONGEST_MS ? value : null;
}

export function isNarrowed(query: TraceQuery): boolean {
  return Boolean(
    query.q || query.service || query.route || query.min_duration_ms || query.errors_only || query.status_min,
  );
}

/** The first of these attributes that the span has: names differ between versions of the conventions. */
function first(span: Pick<Span, "attributes">, ...keys: readonly string[]): string | null {
  for (const key of keys) if (span.attributes[key]) return span.attributes[key];
  return null;
}

export type Fact = { readonly text: string; readonly isBad: boolean };

/** What tells one span from its neighbours: status of the answer, route, statement, queue. */
export function factsOf(span: Pick<Span, "attributes" | "name">): readonly Fact[] {
  const status = first(span, "http.response.status_code", "http.status_code");
  const texts = [
    first(span, "http.route", "url.path", "http.target", "url.full", "http.url"),
    first(span, "db.query.text", "db.statement", "db.query.summary", "db.operation.name", "db.operation"),
    first(span, "messaging.destination.name"),
    first(span, "rpc.method"),
  ];
  const facts: Fact[] = status ? [{ text: status, isBad: Number(status) >= 500 }] : [];
  for (const text of texts) {
    const rest = text === null ? "" : withoutPrefix(oneLine(text), span.name);
    if (rest !== "" && !span.name.includes(rest)) facts.push({ text: rest, isBad: false });
  }
  return facts;
}

/** A statement begins with what its span is named after: SELECT, HGETALL. */
function withoutPrefix(text: string, name: string): string {
  return text.startsWith(`${name} `) ? text.slice(name.length + 1) : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, 200);
}

/** Why a span failed, in the words of its exception, else of its status. Null when nothing is told. */
export function failureOf(span: Pick<Span, "status" | "status_message" | "events">): string | null {
  const exception = span.events.findLast((event) => event.name === "exception")?.attributes;
  const message = exception?.["exception.message"];
  const type = exception?.["exception.type"];
  if (exception !== undefined) return oneLine([type, message].filter(Boolean).join(": ")) || "exception";
  return span.status === "error" ? oneLine(span.status_message) || null : null;
}

/** The span that the trace is named after: the one without a parent, else the earliest. */
export function rootOf(trace: Pick<Trace, "spans">): Span | null {
  return trace.spans.find((span) => !span.parent_span_id) ?? trace.spans[0] ?? null;
}

export function titleOf(trace: Trace): string {
  const root = rootOf(trace);
  if (root !== null) return root.name;
  return trace.edge ? `${trace.edge.method} ${trace.edge.path}` : "Trace";
}

const ARRIVING_MS = 30_000;

/** Spans are sent in batches: those of a trace that ended just now may still be on their way. */
export function isArriving(trace: Trace, now: number): boolean {
  return now - (Date.parse(trace.start) + trace.duration_ms) < ARRIVING_MS;
}

/** Marks for the ruler above the waterfall, at equal distances. */
export function ticksOf(start: number, length: number, count = 4): readonly number[] {
  return Array.from({ length: count + 1 }, (_, at) => start + (length * at) / count);
}
