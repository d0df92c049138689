import type { UseQueryResult } from "@tanstack/react-query";
import type { Overview } from "@/api/types";
import { formatCount, formatDuration, formatRate, formatRatio } from "@/lib/format";
import { cx } from "@/ui/cx";
import { Skeleton } from "@/ui/skeleton";
import { EmptyState, ErrorState, HowToSend } from "@/ui/states";
import { type Change, changeOf, previousOf, type Wish } from "./model";

const ARROWS = { up: "▲", down: "▼", same: "=" } as const;
const INKS = { better: "text-ok", worse: "text-bad", neutral: "text-ink-faint" } as const;
const NAMES = ["Requests", "Request rate", "Errors", "p50", "p95", "p99"];

/** The figures of the range, each compared with the range before it. */
export function Tiles({ query }: { query: UseQueryResult<Overview> }) {
  if (query.error && !query.data) {
    return <ErrorState problem={query.error} onRetry={() => void query.refetch()} />;
  }
  const now = query.data;
  if (now?.requests === 0 && now.previous.requests === 0) {
    return (
      <EmptyState title="No requests in this time">
        <HowToSend />
      </EmptyState>
    );
  }
  const before = now ? previousOf(now) : null;
  const tile = (
    name: string,
    value: (of: Overview | Overview["previous"]) => number | null | undefined,
    format: (value: number | null | undefined) => string,
    wish: Wish,
  ) => ({
    name,
    text: now ? format(value(now)) : null,
    change: now && before ? changeOf(value(now) ?? null, value(before) ?? null, wish) : null,
  });
  const tiles = [
    tile("Requests", (of) => of.requests, formatCount, "neither"),
    tile("Request rate", (of) => of.requests_per_s, formatRate, "neither"),
    tile("Errors", (of) => of.error_ratio, formatRatio, "lower"),
    tile("p50", (of) => of.p50_ms, formatDuration, "lower"),
    tile("p95", (of) => of.p95_ms, formatDuration, "lower"),
    tile("p99", (of) => of.p99_ms, formatDuration, "lower"),
  ];
  return (
    <dl className="grid grid-cols-2 gap-2 sm:grid-cols-3 lg:grid-cols-6" aria-label={NAMES.join(", ")}>
      {tiles.map((each) => (
        <div
          key={each.name}
          data-testid={`tile-${each.name.toLowerCase().replace(" ", "-")}`}
          className="rounded-md border border-line bg-surface px-3 py-2"
        >
          <dt className="eyebrow">{each.name}</dt>
          <dd className="font-semibold text-xl">
            {each.text ?? <Skeleton className="my-1 h-5 w-16" />}
            <Changed change={each.change} isKnown={now !== undefined} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Changed({ change, isKnown }: { change: Change | null; isKnown: boolean }) {
  if (change === null) {
    return (
      <span className="block min-h-[1.45em] font-normal text-[12px] text-ink-faint">
        {isKnown ? "no earlier data" : ""}
      </span>
    );
  }
  return (
    <span className={cx("block font-normal text-[12px]", INKS[change.verdict])}>
      <span aria-hidden="true">{ARROWS[change.direction]}</span> {change.text}
      <span className="sr-only"> than in the range before, {change.verdict}</span>
    </span>
  );
}
