/** A statement with its limits, and how values of its answer are written. */

export type AskedSql = { readonly sql: string; readonly most_rows: number; readonly timeout_s: number };

const MOST_ROWS = 10_000;
const LONGEST_S = 60;

/** What cannot be read, or is more than is allowed, is the default. */
export function sqlFromParams(params: URLSearchParams): AskedSql {
  const within = (name: string, most: number, otherwise: number) => {
    const value = Number(params.get(name) ?? Number.NaN);
    return value >= 1 && value <= most ? Math.floor(value) : otherwise;
  };
  return {
    sql: params.get("sql") ?? "",
    most_rows: within("rows", MOST_ROWS, 1000),
    timeout_s: within("s", LONGEST_S, 20),
  };
}

export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "NULL";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function isNumeric(type: string): boolean {
  return /^(Nullable\(|LowCardinality\()*(U?Int|Float|Decimal)/.test(type);
}

const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i;

/** Visitors write into logs: what a spreadsheet would take for a formula is marked as a text. */
function harmless(text: string): string {
  return FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
}

/** As RFC 4180 has it, to be opened in a spreadsheet. */
export function csvOf(
  columns: readonly { readonly name: string }[],
  rows: readonly (readonly unknown[])[],
): string {
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (cells: readonly string[]) => `${cells.map(harmless).map(cell).join(",")}\r\n`;
  const head = line(columns.map(({ name }) => name));
  return head + rows.map((row) => line(row.map((value) => (value === null ? "" : cellText(value))))).join("");
}

export const EXAMPLES = [
  {
    title: "Lines by service and level in the last hour",
    sql: "SELECT ServiceName, SeverityText, count() AS lines\nFROM logs WHERE Timestamp > now() - INTERVAL 1 HOUR\nGROUP BY ALL ORDER BY lines DESC",
  },
  {
    title: "Slowest kinds of spans in the last hour",
    sql: "SELECT ServiceName, SpanName, count() AS spans, quantile(0.95)(DurationNs) / 1e6 AS p95_ms\nFROM spans WHERE Timestamp > now() - INTERVAL 1 HOUR\nGROUP BY ALL ORDER BY p95_ms DESC LIMIT 20",
  },
  {
    title: "Bytes on disk by table",
    sql: "SELECT table, sum(rows) AS rows, formatReadableSize(sum(bytes_on_disk)) AS size\nFROM system.parts WHERE active AND database = currentDatabase()\nGROUP BY table ORDER BY sum(bytes_on_disk) DESC",
  },
  {
    title: "What there is to ask",
    sql: "SELECT name, comment, total_rows FROM system.tables WHERE database = currentDatabase()",
  },
] as const;
