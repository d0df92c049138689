"use client";
import { useMemo } from "react";
import type { MetricResult } from "@/api/types";
import { formatCount } from "@/lib/format";
import { selection, type TimeRange } from "@/lib/time-range";
import { Chart, COLOURS } from "@/ui/chart/chart";
import { EmptyState, StaleBanner } from "@/ui/states";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { type Line, linesOf, type MetricQuery, MOST_LINES } from "./model";
import { lookOf } from "./units";

type Props = { result: MetricResult; asked: MetricQuery; onRange: (range: TimeRange) => void };

/** The lines of a metric, and each line's figures. A drag narrows the time. */
export function MetricChart({ result, asked, onRange }: Props) {
  const { times, lines } = useMemo(() => linesOf(result, result.name), [result]);
  const look = lookOf(result, asked.rate, asked.aggregate);
  const drawn = useMemo(() => lines.slice(0, MOST_LINES), [lines]);
  if (!lines.some((line) => line.last !== null)) {
    return (
      <EmptyState title="Nothing was measured in this time">
        A longer time, or fewer conditions, may show something.
      </EmptyState>
    );
  }
  return (
    <div className="flex flex-col gap-3">
      <Chart
        label={`${result.name} over time; arrows move`}
        times={times}
        series={drawn}
        format={look.format}
        isBinary={look.isBinary}
        height={280}
        withLegend={false}
        onSelect={(from, to) => onRange(selection(from, to))}
      />
      {result.truncated ? (
        <StaleBanner word="Cut">
          There are more groups than the {formatCount(lines.length)} shown.
        </StaleBanner>
      ) : null}
      {lines.length > drawn.length ? (
        <p className="text-[12.5px] text-ink-faint">
          The highest {MOST_LINES} of {formatCount(lines.length)} lines are drawn; the list has all.
        </p>
      ) : null}
      <Lines lines={lines} asked={asked} format={look.format} />
    </div>
  );
}

function strokeOf(line: Line, at: number) {
  const borderColor = at < MOST_LINES ? `var(--${line.token})` : "transparent";
  return { borderColor, borderTopStyle: at >= COLOURS ? "dashed" : "solid" } as const;
}

type LinesProps = {
  lines: readonly Line[];
  asked: MetricQuery;
  format: (value: number | null) => string;
};

function Lines({ lines, asked, format }: LinesProps) {
  return (
    <Table
      label="Lines"
      head={
        <>
          <Th>{asked.group_by.join(", ") || "Line"}</Th>
          <Th numeric>Last</Th>
          <Th numeric>Mean</Th>
          <Th numeric>Highest</Th>
        </>
      }
    >
      {lines.map((line, at) => (
        <tr key={line.key}>
          <RowHead className="text-[13px]">
            <span className="flex items-center gap-2">
              <span aria-hidden="true" className="w-4 shrink-0 border-t-2" style={strokeOf(line, at)} />
              <span className="wrap-anywhere">{line.label}</span>
            </span>
          </RowHead>
          <Td numeric>{format(line.last)}</Td>
          <Td numeric>{format(line.mean)}</Td>
          <Td numeric>{format(line.max)}</Td>
        </tr>
      ))}
    </Table>
  );
}
