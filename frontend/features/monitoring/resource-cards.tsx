"use client";
import { useMemo, useState } from "react";
import { formatBytes, formatBytesRate, formatRatio } from "@/lib/format";
import { selection, type TimeRange } from "@/lib/time-range";
import { Card } from "@/ui/card";
import { Chart } from "@/ui/chart/chart";
import { Skeleton } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { type HostSeries, hostSeries, latest } from "./model";
import { type Picked, PickedMoment } from "./picked-moment";
import { ProcessTable } from "./process-table";
import { useOverview, useResources } from "./queries";

type Props = { range: TimeRange; isPaused: boolean; onRange: (range: TimeRange) => void };

/** Processors, memory, disk and network, of the host and of each process. */
export function ResourceCards({ range, isPaused, onRange }: Props) {
  const resources = useResources(range, isPaused);
  const host = useMemo(() => (resources.data ? hostSeries(resources.data) : null), [resources.data]);
  const charts = useMemo(() => (host ? chartsOf(host) : null), [host]);
  const overview = useOverview(range, null, isPaused);
  const [picked, setPicked] = useState<Picked | null>(null);
  const pick = (time_s: number) => {
    const to = (time_s + (resources.data?.step_s ?? 0)) * 1000;
    setPicked({ slot: { from: time_s * 1000, to, errors: null, p95Ms: null }, chart: "resource" });
  };
  if (resources.error && !resources.data) {
    return <ErrorState problem={resources.error} onRetry={() => void resources.refetch()} />;
  }
  return (
    <>
      <div className="grid gap-3 sm:grid-cols-2 xl:grid-cols-4">
        {TITLES.map((title, at) => (
          <Card key={title} title={title} aside={title === "Disk" && host ? <Filled host={host} /> : null}>
            {host && charts?.[at] ? (
              <Chart
                label={`${title} over time; arrows move, Enter opens a moment`}
                times={host.times}
                height={120}
                onPick={pick}
                onSelect={(from, to) => onRange(selection(from, to))}
                {...charts[at]}
              />
            ) : (
              <Skeleton className="h-[144px] w-full" />
            )}
          </Card>
        ))}
      </div>
      <Card title="Resources by process" flush>
        {resources.data?.processes.length === 0 ? (
          <EmptyState title="No measurements in this time">The collector measures every 5 s.</EmptyState>
        ) : (
          <ProcessTable
            processes={resources.data?.processes ?? []}
            services={overview.data?.services ?? []}
          />
        )}
      </Card>
      <PickedMoment picked={picked} service={null} onClose={() => setPicked(null)} />
    </>
  );
}

const TITLES = ["CPU", "Memory", "Disk", "Network"];

/** How full the file system is that the platform's state lies on. */
function Filled({ host }: { host: HostSeries }) {
  const used = latest(host.of("filesystem_bytes"));
  const limit = latest(host.of("filesystem_limit_bytes"));
  if (used === null || limit === null) return null;
  return (
    <span className="text-[12.5px] text-ink-soft" title={`${formatBytes(used)} of ${formatBytes(limit)}`}>
      {formatRatio(used / limit)} full
    </span>
  );
}

function chartsOf(host: HostSeries) {
  const line = (label: string, token: string, key: Parameters<typeof host.of>[0]) => ({
    label,
    token,
    values: host.of(key),
  });
  const limit = latest(host.of("memory_limit_bytes"));
  return [
    { format: formatRatio, max: 1, series: [line("used", "chart-1", "cpu_ratio")] },
    {
      format: formatBytes,
      isBinary: true,
      ...(limit === null ? {} : { max: limit }),
      series: [line(limit === null ? "used" : `used of ${formatBytes(limit)}`, "chart-1", "memory_bytes")],
    },
    {
      format: formatBytesRate,
      isBinary: true,
      series: [
        line("read", "chart-1", "disk_read_bytes_per_s"),
        line("write", "chart-2", "disk_write_bytes_per_s"),
      ],
    },
    {
      format: formatBytesRate,
      isBinary: true,
      series: [
        line("in", "chart-1", "network_receive_bytes_per_s"),
        line("out", "chart-2", "network_transmit_bytes_per_s"),
      ],
    },
  ];
}
