"use client";
import { useMemo, useState } from "react";
import type { Metric } from "@/api/types";
import type { TimeRange } from "@/lib/time-range";
import { Breakable } from "@/ui/breakable";
import { cx } from "@/ui/cx";
import { SearchField } from "@/ui/search-field";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState, HowToSend } from "@/ui/states";
import { metricsLike } from "./model";
import { useMetricList } from "./queries";

type Props = { range: TimeRange; chosen: string | null; onChoose: (metric: Metric) => void };

/** Every metric of the time, to choose one. */
export function MetricPicker({ range, chosen, onChoose }: Props) {
  const metrics = useMetricList(range);
  const [text, setText] = useState("");
  const found = useMemo(() => metricsLike(metrics.data?.items ?? [], text), [metrics.data, text]);
  if (metrics.error && !metrics.data) {
    return <ErrorState problem={metrics.error} onRetry={() => void metrics.refetch()} />;
  }
  if (metrics.isPending) return <SkeletonRows rows={14} label="metrics" />;
  if (metrics.data?.items.length === 0) {
    return (
      <EmptyState title="No metrics in this time">
        <HowToSend />
      </EmptyState>
    );
  }
  return (
    <>
      <div className="sticky top-0 z-1 border-line border-b bg-surface p-2">
        <SearchField label="Find a metric" placeholder="Find a metric" value={text} onChange={setText} />
      </div>
      <ul aria-label="Metrics">
        {found.map((metric) => (
          <li key={metric.name} className="row border-line border-b last:border-b-0">
            <button
              type="button"
              aria-pressed={metric.name === chosen}
              title={metric.description}
              onClick={() => onChoose(metric)}
              className={cx(
                "block w-full px-3 py-1.5 text-left focus-visible:-outline-offset-2",
                metric.name === chosen ? "bg-accent-soft" : "hover:bg-sunken",
              )}
            >
              <span className="block break-words font-mono text-[12.5px]">
                <Breakable text={metric.name} />
              </span>
              <span className="text-[12px] text-ink-faint">
                {metric.type.replace("_", " ")}
                {metric.unit ? `, ${metric.unit}` : ""}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {found.length === 0 ? <p className="p-3 text-[12.5px] text-ink-faint">No metric is named so.</p> : null}
    </>
  );
}
