"use client";
import Link from "next/link";
import { useMemo } from "react";
import { useOverview } from "@/features/monitoring/queries";
import { usePageState } from "@/features/shell/use-page-state";
import { formatBytes, formatBytesRate, formatRatio } from "@/lib/format";
import { logsLink, tracesLink } from "@/lib/links";
import type { TimeRange } from "@/lib/time-range";
import { Card } from "@/ui/card";
import { Segmented } from "@/ui/segmented";
import { SkeletonRows } from "@/ui/skeleton";
import { Sparkline } from "@/ui/sparkline";
import { EmptyState, ErrorState } from "@/ui/states";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { type GroupedBy, type Running, runningOf } from "./model";
import { useRunning } from "./queries";

const KINDS = [
  { value: "service", label: "Services" },
  { value: "process", label: "Processes" },
] as const;

type Props = { host: string; range: TimeRange; isPaused: boolean };

/** What runs on a host, with what it takes; each leads to its lines and traces. */
export function RunningCard({ host, range, isPaused }: Props) {
  const { params, change } = usePageState();
  const by: GroupedBy = params.get("by") === "process" ? "process" : "service";
  const { figures, isPending, error, retry } = useRunning(host, by, range, isPaused);
  const overview = useOverview(range, null, isPaused);
  const edge = overview.data?.services;
  const rows = useMemo(() => runningOf(figures, by, edge ?? []), [figures, by, edge]);
  return (
    <Card
      title={`Runs on ${host}`}
      flush
      testId="running"
      aside={
        <Segmented
          label="Added up by"
          value={by}
          options={KINDS}
          onChange={(next) => change({ by: next === "process" ? next : null })}
        />
      }
    >
      {error && isPending ? <ErrorState problem={error} onRetry={retry} /> : null}
      {isPending && !error ? <SkeletonRows rows={8} label="what runs" /> : null}
      {!isPending && rows.length === 0 ? (
        <EmptyState title="Nothing reports from this host in this time">
          The collector measures every process of the platform.
        </EmptyState>
      ) : null}
      {rows.length > 0 ? <RunningTable rows={rows} by={by} range={range} /> : null}
    </Card>
  );
}

function RunningTable({ rows, by, range }: { rows: readonly Running[]; by: GroupedBy; range: TimeRange }) {
  return (
    <Table
      label="What runs"
      head={
        <>
          <Th>{by === "service" ? "Service" : "Process"}</Th>
          <Th numeric>CPU</Th>
          <Th className="w-1/6">over this time</Th>
          <Th numeric>Memory</Th>
          <Th className="w-1/6">over this time</Th>
          <Th numeric>Disk read</Th>
          <Th numeric>Disk write</Th>
          {by === "service" ? <Th numeric>Sent to visitors</Th> : null}
          <Th>Leads to</Th>
        </>
      }
    >
      {rows.map((row) => (
        <RunningRow key={row.name} row={row} by={by} range={range} />
      ))}
    </Table>
  );
}

function RunningRow({ row, by, range }: { row: Running; by: GroupedBy; range: TimeRange }) {
  return (
    <tr>
      <RowHead className="whitespace-nowrap">{row.name}</RowHead>
      <Td numeric>{formatRatio(row.cpu)}</Td>
      <Td>
        <Sparkline label="CPU over time" values={row.cpuPoints} />
      </Td>
      <Td numeric>{formatBytes(row.memory)}</Td>
      <Td>
        <Sparkline label="Memory over time" values={row.memoryPoints} />
      </Td>
      <Td numeric>{formatBytesRate(row.read)}</Td>
      <Td numeric>{formatBytesRate(row.write)}</Td>
      {by === "service" ? <Td numeric>{formatBytesRate(row.sent)}</Td> : null}
      <Td className="whitespace-nowrap text-[13px]">
        <Link href={logsLink(range, { service: row.service })} className="text-accent hover:underline">
          Logs
        </Link>
        {"  "}
        <Link href={tracesLink(range, { service: row.service })} className="ml-2 text-accent hover:underline">
          Traces
        </Link>
      </Td>
    </tr>
  );
}
