"use client";
import { useMemo, useState } from "react";
import type { Metric, MetricLabel } from "@/api/types";
import { FacetGroups } from "@/features/search/facet-groups";
import { facetGroups } from "@/features/search/facets";
import { Freshness } from "@/features/shell/freshness";
import { LiveTools } from "@/features/shell/live-tools";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { SavedViews } from "@/features/views/saved-views";
import { Badge } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Drawer } from "@/ui/drawer";
import { MetricsIcon } from "@/ui/icons";
import { Skeleton } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { MetricBuilder } from "./metric-builder";
import { MetricChart } from "./metric-chart";
import { MetricPicker } from "./metric-list";
import { type MetricQuery, metricQueryFromParams, presetsFor, startOf } from "./model";
import { METRIC_MS, useLabels, useMetric, useMetricList } from "./queries";

export function MetricsPage() {
  const { params, range, change, changeRange } = usePageState();
  const asked = useMemo(() => metricQueryFromParams(new URLSearchParams(params)), [params]);
  const [isPaused, setPaused] = useState(false);
  const choose = (metric: Metric) => change(startOf(metric));
  const picker = <MetricPicker range={range} chosen={asked.name} onChoose={choose} />;
  return (
    <Shell
      title="Metrics"
      tools={
        <>
          <SavedViews page="metrics" />
          <LiveTools range={range} onRange={changeRange} isPaused={isPaused} onPause={setPaused} />
        </>
      }
    >
      <div className="grid items-start gap-3 lg:grid-cols-[18rem_minmax(0,1fr)]">
        <Card
          title="Metrics"
          flush
          testId="metric-list"
          className="sticky top-3 max-h-[calc(100dvh-1.5rem)] overflow-y-auto max-lg:hidden"
        >
          {picker}
        </Card>
        <div className="flex min-w-0 flex-col gap-3">
          <PickerButton key={asked.name}>{picker}</PickerButton>
          {asked.name === null ? <Start /> : <Explorer asked={asked} isPaused={isPaused} />}
        </div>
      </div>
    </Shell>
  );
}

/** The list on a screen that has no room for it beside the chart. */
function PickerButton({ children }: { children: React.ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <div className="lg:hidden">
      <Button onClick={() => setOpen(true)}>
        <MetricsIcon />
        Choose a metric
      </Button>
      <Drawer kind="left" title="Metrics" open={open} onClose={() => setOpen(false)}>
        {children}
      </Drawer>
    </div>
  );
}

/** What is worth looking at first, of what is sent. */
function Start() {
  const { range, change } = usePageState();
  const metrics = useMetricList(range);
  const presets = presetsFor(metrics.data?.items ?? []);
  return (
    <Card title="Start with" testId="metric-start">
      {presets.length === 0 ? (
        <EmptyState title="Choose a metric">Its lines over time are drawn here.</EmptyState>
      ) : (
        <ul className="grid gap-2 sm:grid-cols-2 xl:grid-cols-3">
          {presets.map(({ title, ...params }) => (
            <li key={title}>
              <button
                type="button"
                onClick={() => change(params)}
                className="w-full rounded border border-line bg-raised px-3 py-2 text-left hover:border-accent"
              >
                <span className="block font-medium text-[13px]">{title}</span>
                <span className="block wrap-anywhere font-mono text-[12px] text-ink-faint">
                  {params.name}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Explorer({ asked, isPaused }: { asked: MetricQuery; isPaused: boolean }) {
  const { range, change, changeRange } = usePageState();
  const metrics = useMetricList(range);
  const labels = useLabels(asked.name, range);
  const result = useMetric(asked, range, isPaused);
  const metric = metrics.data?.items.find(({ name }) => name === asked.name);
  const isLive = range.kind === "last" && !isPaused;
  return (
    <>
      <Freshness updatedAt={isLive ? result.dataUpdatedAt : 0} interval_ms={METRIC_MS} />
      <Card
        title={<span className="wrap-anywhere font-mono">{asked.name}</span>}
        testId="metric"
        aside={metric ? <Badge>{`${metric.type.replace("_", " ")} ${metric.unit}`}</Badge> : null}
      >
        <div className="flex flex-col gap-3">
          {metric?.description ? <p className="text-[13px] text-ink-soft">{metric.description}</p> : null}
          <MetricBuilder asked={asked} metric={metric} labels={labels.data?.items ?? []} />
          {result.error && !result.data ? (
            <ErrorState problem={result.error} onRetry={() => void result.refetch()} />
          ) : null}
          {result.isPending ? <Skeleton className="h-[280px] w-full" /> : null}
          {result.data ? <MetricChart result={result.data} asked={asked} onRange={changeRange} /> : null}
        </div>
      </Card>
      <Labels labels={labels.data?.items ?? []} q={asked.q ?? ""} onSearch={(q) => change({ q })} />
    </>
  );
}

type LabelsProps = { labels: readonly MetricLabel[]; q: string; onSearch: (q: string) => void };

function Labels({ labels, q, onSearch }: LabelsProps) {
  const groups = useMemo(() => {
    const facets = labels.map(({ key, values }) => ({
      key,
      values: values.map(({ value, series }) => ({ value, entries: series })),
    }));
    return facetGroups(facets, q).map((group) => ({
      ...group,
      isOpen: group.isOpen && group.values.length < 9,
    }));
  }, [labels, q]);
  if (groups.length === 0) return null;
  return (
    <Card title="Labels, and how many series have each value" flush>
      <div className="sm:columns-2 xl:columns-3 sm:gap-0 [&>details]:break-inside-avoid">
        <FacetGroups groups={groups} q={q} onSearch={onSearch} />
      </div>
    </Card>
  );
}
