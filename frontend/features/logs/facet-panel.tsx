"use client";
import { useMemo } from "react";
import { FacetGroups } from "@/features/search/facet-groups";
import { facetGroups } from "@/features/search/facets";
import { formatCount } from "@/lib/format";
import type { TimeRange } from "@/lib/time-range";
import { cx } from "@/ui/cx";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import type { LogQuery } from "./model";
import { useFacets } from "./queries";

type Props = {
  query: LogQuery;
  range: TimeRange;
  isPaused: boolean;
  onSearch: (q: string) => void;
};

/** Values that the lines have, with counts. A click shows only them; the sign beside leaves them out. */
export function FacetPanel({ query, range, isPaused, onSearch }: Props) {
  const facets = useFacets(query, range, isPaused);
  const q = query.q ?? "";
  const groups = useMemo(() => facetGroups(facets.data?.items ?? [], q), [facets.data, q]);
  if (facets.error && !facets.data) {
    return <ErrorState problem={facets.error} onRetry={() => void facets.refetch()} />;
  }
  if (facets.isPending) return <SkeletonRows rows={12} label="fields" height="h-6" />;
  const sampled = facets.data?.sampled_entries;
  return (
    <div className={cx("flex flex-col pb-1 transition-opacity", facets.isPlaceholderData && "opacity-50")}>
      {groups.length === 0 ? (
        <p className="p-3 text-[12.5px] text-ink-faint">No fields in this time.</p>
      ) : null}
      <FacetGroups groups={groups} q={q} onSearch={onSearch} />
      {sampled && groups.length > 0 ? (
        <p className="px-3 pt-2 text-[12px] text-ink-faint">
          Counted in the newest {formatCount(sampled)} lines that fit.
        </p>
      ) : null}
    </div>
  );
}
