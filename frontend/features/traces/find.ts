/** Finding spans within a trace. */
import type { Span } from "@/api/types";
import type { Row } from "./layout";

/** Indexes of rows whose span says this, in any case: its name, service, message or a value of it. */
export function matchesOf(rows: readonly Row<Span>[], text: string): readonly number[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  const isIn = (value: string) => value.toLowerCase().includes(wanted);
  return rows
    .filter(
      ({ span }) =>
        [span.name, span.service, span.status_message, span.span_id].some(isIn) ||
        Object.values(span.attributes).some(isIn),
    )
    .map((row) => row.index);
}

export function failuresOf(rows: readonly Row<Span>[]): readonly number[] {
  return rows.filter((row) => row.span.status === "error").map((row) => row.index);
}

/** The next of these after `at` in a direction, round the end; null when there are none. */
export function nextOf(indexes: readonly number[], at: number, step: 1 | -1): number | null {
  if (indexes.length === 0) return null;
  const found = step === 1 ? indexes.find((each) => each > at) : indexes.findLast((each) => each < at);
  return found ?? (step === 1 ? indexes[0] : indexes.at(-1)) ?? null;
}

/** Span ids of the rows that a row lies below; folded ones hide it. */
export function ancestorsOf(rows: readonly Row<Span>[], index: number): readonly string[] {
  const found: string[] = [];
  let depth = rows[index]?.depth ?? 0;
  for (let at = index - 1; at >= 0 && depth > 0; at -= 1) {
    const row = rows[at];
    if (row !== undefined && row.depth < depth) {
      depth = row.depth;
      found.push(row.span.span_id);
    }
  }
  return found;
}
