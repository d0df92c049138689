"use client";
import type { Aggregate, Metric, MetricLabel } from "@/api/types";
import { usePageState } from "@/features/shell/use-page-state";
import { Checkbox } from "@/ui/checkbox";
import { Chip } from "@/ui/chip";
import { SearchField } from "@/ui/search-field";
import { Select } from "@/ui/select";
import { AGGREGATES, type MetricQuery } from "./model";

const NAMES: Readonly<Record<Aggregate, string>> = {
  avg: "average",
  sum: "sum",
  min: "least",
  max: "most",
  count: "number of series",
  p50: "p50, median",
  p90: "p90",
  p95: "p95",
  p99: "p99",
};
const OPTIONS = AGGREGATES.map((value) => ({ value, label: NAMES[value] }));

type Props = { asked: MetricQuery; metric: Metric | undefined; labels: readonly MetricLabel[] };

/** How the series of a metric are joined, as rate or as they are, and by which labels apart. */
export function MetricBuilder({ asked, metric, labels }: Props) {
  const { change } = usePageState();
  const rest = labels.filter(({ key }) => !asked.group_by.includes(key));
  const groups = [
    { value: "", label: "Group by …" },
    ...rest.map(({ key, values }) => ({ value: key, label: `${key} (${values.length})` })),
  ];
  return (
    <search className="flex flex-wrap items-center gap-2">
      <Select
        label="Joined by"
        value={asked.aggregate}
        options={OPTIONS}
        onChange={(agg) => change({ agg })}
      />
      {metric?.type === "gauge" && !asked.rate ? null : (
        <Checkbox
          label="per second"
          checked={asked.rate}
          onChange={(on) => change({ rate: on ? "1" : null })}
        />
      )}
      <Select
        label="Group by"
        value=""
        options={groups}
        onChange={(key) => change({ by: [...asked.group_by, key] })}
        className="max-w-56"
      />
      {asked.group_by.map((key) => (
        <Chip
          key={key}
          text={`by ${key}`}
          onRemove={() => change({ by: asked.group_by.filter((each) => each !== key) })}
        />
      ))}
      <SearchField
        label="Only series with"
        placeholder="Only: service:web http.route:/checkout"
        value={asked.q ?? ""}
        onChange={(q) => change({ q }, "replace")}
        className="min-w-full flex-1 sm:min-w-60"
      />
    </search>
  );
}
