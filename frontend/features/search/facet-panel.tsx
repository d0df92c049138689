"use client";
import type { UseQueryResult } from "@tanstack/react-query";
import { useMemo } from "react";
import type { FacetList } from "@/api/types";
import { formatCount } from "@/lib/format";
import { cx } from "@/ui/cx";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { FacetGroups } from "./facet-groups";
import { facetGroups } from "./facets";

type Props = {
  facets: UseQueryResult<FacetList>;
  q: string;
  /** What is counted, such as "lines". */
  noun: string;
  onSearch: (q: string) => void;
};

/** Values that what fits has, with counts. A click shows only them; the sign beside leaves them out. */
export function FacetPanel({ facets, q, noun, onSearch }: Props) {
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
      {facets.data?.items.length ? (
        <p className="px-3 pt-2 text-[12px] text-ink-faint">
          {sampled
            ? `Counted in the newest ${formatCount(sampled)} ${noun} that fit.`
            : `How many ${noun} have each value.`}
        </p>
      ) : null}
    </div>
  );
}
