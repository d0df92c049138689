"use client";
import { useRouter } from "next/navigation";
import { useMemo, useState } from "react";
import { formatDuration, formatRate, formatRatio } from "@/lib/format";
import { type ChartKind, directLink } from "@/lib/links";
import { selection, type TimeRange } from "@/lib/time-range";
import { Card } from "@/ui/card";
import { Chart } from "@/ui/chart/chart";
import { Skeleton } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { requestSeries, slotAt } from "./model";
import { type Picked, PickedMoment } from "./picked-moment";
import { useRequests } from "./queries";

type Props = {
  range: TimeRange;
  service: string | null;
  isPaused: boolean;
  onRange: (range: TimeRange) => void;
};

/** Rate, errors and latency over time. A click leads to the traces and logs behind a point. */
export function RequestCharts({ range, service, isPaused, onRange }: Props) {
  const router = useRouter();
  const requests = useRequests(range, service, isPaused);
  const [picked, setPicked] = useState<Picked | null>(null);
  const data = requests.data;
  const series = useMemo(
    () => (data ? requestSeries(data.series.points, data.series.step_s, data.window) : null),
    [data],
  );
  const charts = useMemo(() => (series ? chartsOf(series) : null), [series]);
  if (requests.error && !data) {
    return <ErrorState problem={requests.error} onRetry={() => void requests.refetch()} />;
  }
  const pick = (chart: ChartKind) => (time_s: number) => {
    if (!data) return;
    const slot = slotAt(data.series.points, data.series.step_s, time_s);
    const direct = directLink(slot, chart, service);
    if (direct === null) setPicked({ slot, chart });
    else router.push(direct);
  };
  return (
    <div className="grid gap-3 lg:grid-cols-3">
      {(charts ?? PENDING).map((chart) => (
        <Card key={chart.title} title={chart.title} testId={`chart-${chart.kind}`}>
          {series && "series" in chart ? (
            <Chart
              label={`${chart.title} over time; arrows move, Enter opens a moment`}
              times={series.times}
              series={chart.series}
              format={chart.format}
              onPick={pick(chart.kind)}
              onSelect={(from, to) => onRange(selection(from, to))}
            />
          ) : (
            <Skeleton className="h-[184px] w-full" />
          )}
        </Card>
      ))}
      <PickedMoment picked={picked} service={service} onClose={() => setPicked(null)} />
    </div>
  );
}

const PENDING = [
  { kind: "requests", title: "Requests per second" },
  { kind: "errors", title: "Error rate" },
  { kind: "latency", title: "Latency" },
] as const;

function chartsOf(series: ReturnType<typeof requestSeries>) {
  return [
    {
      ...PENDING[0],
      format: formatRate,
      series: [{ label: "requests", token: "chart-1", values: series.rate }],
    },
    {
      ...PENDING[1],
      format: formatRatio,
      series: [{ label: "errors", token: "bad", values: series.errorRatio }],
    },
    {
      ...PENDING[2],
      format: formatDuration,
      series: [
        { label: "p50", token: "chart-1", values: series.p50 },
        { label: "p95", token: "chart-2", values: series.p95 },
        { label: "p99", token: "chart-3", values: series.p99 },
      ],
    },
  ];
}
