"use client";
import { useMemo } from "react";
import type { ReleaseOperation } from "@/api/types";
import { formatClock, formatDuration, formatRatio } from "@/lib/format";
import { Chart } from "@/ui/chart/chart";
import { Skeleton } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { comparisonOf, isOver } from "./model";
import { useTraffic } from "./queries";

const TOKENS = ["chart-1", "chart-3"] as const;

/** Error ratio and p95 of the new release beside the one that it replaced. */
export function TrafficCharts({ operation }: { operation: ReleaseOperation }) {
  const traffic = useTraffic(operation.id, !isOver(operation.state));
  const found = useMemo(() => (traffic.data ? comparisonOf(traffic.data) : null), [traffic.data]);
  if (traffic.error && !traffic.data) {
    return <ErrorState problem={traffic.error} onRetry={() => void traffic.refetch()} />;
  }
  if (traffic.data && found === null) {
    return (
      <p className="px-3 py-3 text-[13px] text-ink-soft">
        Neither release answered a request around the switch that is still stored.
      </p>
    );
  }
  const charts = [
    { title: "Error ratio", values: found?.errors, format: formatRatio },
    { title: "p95", values: found?.p95, format: formatDuration },
  ] as const;
  const movedAt = traffic.data?.moved_at;
  return (
    <div className="grid gap-x-6 gap-y-3 p-3 md:grid-cols-2">
      {charts.map((chart) => (
        <div key={chart.title} className="min-w-0">
          <h3 className="eyebrow mb-1">{chart.title}</h3>
          {found && chart.values ? (
            <Chart
              label={`${chart.title} of the new and of the previous release`}
              times={found.times}
              series={found.names.map((label, at) => ({
                label,
                token: TOKENS[at] ?? "chart-2",
                values: chart.values?.[at] ?? [],
              }))}
              format={chart.format}
              height={140}
            />
          ) : (
            <Skeleton className="h-[164px] w-full" />
          )}
        </div>
      ))}
      {movedAt ? (
        <p className="text-[12.5px] text-ink-faint md:col-span-2">
          The first visitor came to the new release at {formatClock(movedAt)}.
        </p>
      ) : null}
    </div>
  );
}
