"use client";
import type { SqlResult } from "@/api/types";
import { formatCount, formatDuration, plural } from "@/lib/format";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { cx } from "@/ui/cx";
import { EmptyState, StaleBanner } from "@/ui/states";
import { Table, Td, Th } from "@/ui/table";
import { cellText, csvOf, isNumeric } from "./model";

/** More rows than this are downloaded, not looked at. */
const MOST_DRAWN = 500;

export function ResultTable({ result }: { result: SqlResult }) {
  const { columns, rows, truncated, took_ms } = result;
  return (
    <Card
      title={`${plural(rows.length, "row")} in ${formatDuration(took_ms)}`}
      flush
      testId="sql-result"
      aside={rows.length > 0 ? <Button onClick={() => download(result)}>Download as CSV</Button> : null}
    >
      {truncated ? (
        <div className="p-2">
          <StaleBanner word="Cut">
            There are more rows than the {formatCount(rows.length)} asked for.
          </StaleBanner>
        </div>
      ) : null}
      {rows.length === 0 ? <EmptyState title="No rows" /> : null}
      {rows.length > 0 ? (
        <Table
          label="Rows"
          head={columns.map((column, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: two columns of an answer may have one name
            <Th key={place} numeric={isNumeric(column.type)}>
              <span title={column.type} className="normal-case tracking-normal">
                {column.name}
              </span>
            </Th>
          ))}
        >
          {rows.slice(0, MOST_DRAWN).map((row, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of an answer have no other name, and never move
            <tr key={at}>
              {columns.map((column, place) => (
                <Td
                  // biome-ignore lint/suspicious/noArrayIndexKey: two columns of an answer may have one name
                  key={place}
                  numeric={isNumeric(column.type)}
                  className={cx(
                    "max-w-xl truncate font-mono text-[12.5px]",
                    row[place] === null && "text-ink-faint",
                  )}
                >
                  {cellText(row[place])}
                </Td>
              ))}
            </tr>
          ))}
        </Table>
      ) : null}
      {rows.length > MOST_DRAWN ? (
        <p className="p-2 text-center text-[12.5px] text-ink-faint">
          The first {MOST_DRAWN} rows are shown; the download has all {formatCount(rows.length)}.
        </p>
      ) : null}
    </Card>
  );
}

function download({ columns, rows }: SqlResult): void {
  const address = URL.createObjectURL(new Blob([csvOf(columns, rows)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "insight-sql.csv";
  link.click();
  URL.revokeObjectURL(address);
}
