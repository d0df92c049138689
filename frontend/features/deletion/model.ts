/** What is asked to be deleted, and what became of what was asked before. */
import type { Deletion } from "@/api/types";
import { plural } from "@/lib/format";
import type { Tone } from "@/ui/badge";

export const SIGNALS = ["logs", "traces", "both"] as const;
export type Signal = (typeof SIGNALS)[number];

/** As it is typed; times as the field has them, in the time zone of the browser. */
export type Draft = {
  readonly signal: Signal;
  readonly q: string;
  readonly from: string;
  readonly to: string;
};

export type Asked = { logs: string | null; traces: string | null; from: string; to: string };

/** What cannot be read is left out: a link must never lead to a broken page. */
export function draftFromParams(params: URLSearchParams, fallback: Pick<Draft, "from" | "to">): Draft {
  return {
    signal: SIGNALS.find((each) => each === params.get("signal")) ?? "both",
    q: params.get("q") ?? "",
    from: readable(params.get("from")) ?? fallback.from,
    to: readable(params.get("to")) ?? fallback.to,
  };
}

function readable(time: string | null): string | null {
  return time !== null && !Number.isNaN(Date.parse(time)) ? time : null;
}

export type Problem = { readonly field: "q" | "from" | "to"; readonly text: string };

/** Why it cannot be asked; null when it can. Whether the search can be read, the API says. */
export function problemOf({ q, from, to }: Draft): Problem | null {
  if (q.trim() === "") {
    return { field: "q", text: "Say what to delete, such as user.id:42. Without a search all would fit." };
  }
  if (Number.isNaN(Date.parse(from))) return { field: "from", text: "Give a start." };
  if (Number.isNaN(Date.parse(to))) return { field: "to", text: "Give an end." };
  return Date.parse(to) > Date.parse(from) ? null : { field: "to", text: "The end must be after the start." };
}

export function askedOf({ signal, q, from, to }: Draft): Asked {
  const search = q.trim();
  return {
    logs: signal === "traces" ? null : search,
    traces: signal === "logs" ? null : search,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
  };
}

type Counts = Readonly<Record<string, number>>;
const RECORDS = [
  ["logs", "log line", "log lines"],
  ["traces", "trace", "traces"],
  ["spans", "span", "spans"],
] as const;
const DERIVED = [
  ["edge_requests", "request", "requests"],
  ["exceptions", "exception", "exceptions"],
  ["log_facets", "count of a field", "counts of fields"],
  ["log_patterns", "count of a pattern", "counts of patterns"],
] as const;

/** What people know as records, in the order of the page. Signals that were not asked for are left out. */
export function recordsIn(counts: Counts): readonly { readonly name: string; readonly rows: number }[] {
  return RECORDS.flatMap(([table, , many]) =>
    table in counts ? [{ name: many, rows: counts[table] ?? 0 }] : [],
  );
}

/** What goes with them, in words; "" for nothing. */
export function derivedIn(counts: Counts): string {
  return inWords(DERIVED, counts);
}

/** All of it in words. */
export function wordsOf(counts: Counts): string {
  return inWords([...RECORDS, ...DERIVED], counts) || "nothing";
}

/** What a table holds, as the page calls it; of one that is only looked things up in, its own name. */
function nameOf(table: string): string {
  return [...RECORDS, ...DERIVED].find(([name]) => name === table)?.[2] ?? table.replaceAll("_", " ");
}

type Names = readonly (readonly [string, string, string])[];

function inWords(names: Names, counts: Counts): string {
  const found = names.filter(([table]) => (counts[table] ?? 0) > 0);
  return found.map(([table, one, many]) => plural(counts[table] ?? 0, one, many)).join(", ");
}

export function isNothing(counts: Counts): boolean {
  return Object.values(counts).every((rows) => rows === 0);
}

export function isOver(job: Pick<Deletion, "state">): boolean {
  return job.state === "done" || job.state === "failed";
}

/** A job that is done and has something to tell could not reach everything. */
export function toneOf(job: Pick<Deletion, "state" | "detail">): Tone {
  if (job.state === "failed") return "bad";
  if (job.state === "done") return job.detail === "" ? "ok" : "unknown";
  return "pending";
}

/** How far a job is, and in words; its share is null while it cannot be known. */
export function progressOf(job: Pick<Deletion, "state" | "progress" | "awaited_segments">): {
  readonly share: number | null;
  readonly text: string;
} {
  if (job.awaited_segments) {
    const waits = plural(job.awaited_segments, "segment");
    return { share: null, text: `Begins when what was received before it is stored: ${waits} to go.` };
  }
  if (!job.progress)
    return { share: null, text: job.state === "queued" ? "Begins shortly." : "Looks what fits." };
  const { step, steps, table, rows } = job.progress;
  const gone = rows > 0 ? `, ${plural(rows, "row is", "rows are")} gone` : "";
  return { share: (step - 1) / steps, text: `Step ${step} of ${steps}: ${nameOf(table)}${gone}.` };
}

/** Each search of a job with what it is over; one that is the same over both stands once. */
export function searchesOf(
  filter: Deletion["filter"],
): readonly { readonly of: string; readonly q: string }[] {
  const { logs, traces } = filter;
  if (logs !== undefined && logs === traces) return [{ of: "logs and traces", q: logs }];
  return [
    ...(logs === undefined ? [] : [{ of: "logs", q: logs }]),
    ...(traces === undefined ? [] : [{ of: "traces", q: traces }]),
  ];
}
