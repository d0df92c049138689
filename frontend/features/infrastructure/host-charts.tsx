"use client";
import { useMemo } from "react";
import type { MetricResult } from "@/api/types";
import { linesOf } from "@/features/metrics/model";
import { useMetric } from "@/features/metrics/queries";
import { formatBytes, formatBytesRate, formatRatio } from "@/lib/format";
import { selection, type TimeRange } from "@/lib/time-range";
import { Card } from "@/ui/card";
import { Chart } from "@/ui/chart/chart";
import { Skeleton } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { hostQuery } from "./model";

type Kind = {
  readonly title: string;
  readonly name: string;
  readonly isRate: boolean;
  readonly format: (value: number | null | undefined) => string;
  readonly max?: number;
};
const KINDS: readonly Kind[] = [
  { title: "CPU", name: "system.cpu.utilization", isRate: false, format: formatRatio, max: 1 },
  { title: "Memory", name: "system.memory.usage", isRate: false, format: formatBytes },
  { title: "Disk", name: "system.disk.io", isRate: true, format: formatBytesRate },
  { title: "Network", name: "system.network.io", isRate: true, format: formatBytesRate },
];

type Props = {
  host: string;
  memoryLimit: number | null;
  range: TimeRange;
  isPaused: boolean;
  onRange: (range: TimeRange) => void;
};

/** Processors, memory, disk and network of a host over time. */
export function HostCharts({ host, memoryLimit, ...rest }: Props) {
  return (
    <div className="grid gap-3 sm:grid-cols-2 2xl:grid-cols-4">
      {KINDS.map((kind) => (
        <HostChart
          key={kind.name}
          host={host}
          kind={kind.title === "Memory" && memoryLimit !== null ? { ...kind, max: memoryLimit } : kind}
          {...rest}
        />
      ))}
    </div>
  );
}

type ChartProps = Omit<Props, "memoryLimit"> & { kind: Kind };

function HostChart({ host, kind, range, isPaused, onRange }: ChartProps) {
  const asked = useMemo(() => hostQuery(host, kind.name, kind.isRate), [host, kind]);
  const result = useMetric(asked, range, isPaused);
  return (
    <Card title={kind.title}>
      {result.error && !result.data ? (
        <ErrorState problem={result.error} onRetry={() => void result.refetch()} />
      ) : null}
      {result.isPending ? <Skeleton className="h-[154px] w-full" /> : null}
      {result.data ? <Lines result={result.data} kind={kind} onRange={onRange} /> : null}
    </Card>
  );
}

type LinesProps = { result: MetricResult; kind: Kind; onRange: (range: TimeRange) => void };

function Lines({ result, kind, onRange }: LinesProps) {
  const { times, lines } = useMemo(() => {
    const all = linesOf(result, "used");
    const ordered = all.lines.toSorted((a, b) => a.label.localeCompare(b.label));
    return { ...all, lines: ordered.map((line, at) => ({ ...line, token: `chart-${(at % 3) + 1}` })) };
  }, [result]);
  if (lines.length === 0) return <EmptyState title="Not measured in this time" />;
  return (
    <Chart
      label={`${kind.title} over time; arrows move`}
      times={times}
      series={lines}
      format={kind.format}
      isBinary={kind.format !== formatRatio}
      height={130}
      onSelect={(from, to) => onRange(selection(from, to))}
      {...(kind.max === undefined ? {} : { max: kind.max })}
    />
  );
}
