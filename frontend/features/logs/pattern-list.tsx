"use client";
import type { LogPattern } from "@/api/types";
import { bothOf } from "@/features/search/terms";
import { formatCount, formatRatio } from "@/lib/format";
import type { TimeRange } from "@/lib/time-range";
import { Card } from "@/ui/card";
import { cx } from "@/ui/cx";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { SeverityWord } from "./log-list";
import { type LogQuery, partsOf } from "./model";
import { usePatterns } from "./queries";

type Props = {
  query: LogQuery;
  range: TimeRange;
  isPaused: boolean;
  onSearch: (q: string) => void;
};

/** What the lines say, without what differs each time; a click finds the lines of a pattern. */
export function PatternList({ query, range, isPaused, onSearch }: Props) {
  const patterns = usePatterns(query, range, isPaused);
  const { data } = patterns;
  const most = Math.max(1, ...(data?.items ?? []).map((each) => each.entries));
  return (
    <Card title="Patterns, the most frequent first" flush testId="patterns">
      {patterns.error && !data ? (
        <ErrorState problem={patterns.error} onRetry={() => void patterns.refetch()} />
      ) : null}
      {patterns.isPending ? <SkeletonRows rows={12} label="patterns" /> : null}
      {data?.items.length === 0 ? <EmptyState title="No lines fit in this time" /> : null}
      <ol
        aria-label="Patterns"
        className={cx("transition-opacity", patterns.isPlaceholderData && "opacity-50")}
      >
        {data?.items.map((each) => (
          <Pattern
            key={`${each.level} ${each.pattern}`}
            of={each}
            share={each.entries / most}
            onSearch={() => onSearch(bothOf(query.q ?? "", each.search))}
          />
        ))}
      </ol>
      {data && data.items.length > 0 ? (
        <p className="border-line border-t p-2 text-center text-[12.5px] text-ink-faint">
          These are {formatRatio(data.shown_entries / Math.max(1, data.entries))} of{" "}
          {formatCount(data.entries)} lines
          {data.sampled_entries ? `, counted in the newest ${formatCount(data.sampled_entries)}` : ""}.
        </p>
      ) : null}
    </Card>
  );
}

function Pattern({ of, share, onSearch }: { of: LogPattern; share: number; onSearch: () => void }) {
  return (
    <li className="row border-line border-b last:border-b-0">
      <button
        type="button"
        disabled={of.search === ""}
        title={of.search === "" ? "Nothing in its lines stays the same" : `Find its lines: ${of.search}`}
        onClick={onSearch}
        className="grid w-full grid-cols-[4.5rem_3.5rem_minmax(0,1fr)] items-center gap-x-3 px-3 py-1.5 text-left enabled:hover:bg-sunken focus-visible:-outline-offset-2 md:grid-cols-[8rem_3.5rem_minmax(0,1fr)_10rem]"
      >
        <span className="flex items-center justify-end gap-2">
          <span aria-hidden="true" className="hidden h-1.5 flex-1 md:block">
            <span
              className="block h-full rounded-sm bg-accent"
              style={{ width: `${Math.max(share * 100, 1)}%` }}
            />
          </span>
          <span className="font-mono text-[12.5px]">{formatCount(of.entries)}</span>
        </span>
        <SeverityWord severity={of.level} />
        <span className="min-w-0 break-words font-mono text-[12.5px] max-md:col-span-full">
          {partsOf(of.pattern).map(({ text, isGap }, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: parts of one pattern never change places
            <span key={at} className={isGap ? "rounded bg-accent-soft text-accent" : undefined}>
              {text}
            </span>
          ))}
        </span>
        <span className="truncate text-[12.5px] text-ink-soft max-md:hidden">{of.services.join(", ")}</span>
      </button>
    </li>
  );
}
