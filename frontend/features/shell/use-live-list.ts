"use client";
/**
 * A list of telemetry, newest first. Older pages are asked for by cursor; newer entries are polled for
 * and shown at once while nobody reads further down, else counted as waiting. Nothing ever moves what a
 * reader looks at.
 */
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type Identity, mergeNewestFirst } from "@/lib/live-list";
import { isoWindow, rangeKey, type TimeRange, windowOf } from "@/lib/time-range";

export const LIVE_LIST_MS = 3000;
/** Entries arrive after the moment that they name; so much is read again each time. */
const OVERLAP_MS = 30_000;
const MOST_NEW = 500;

export type PageRequest = { from: string; to: string; cursor: string | null; limit?: number };
type Page<Entry> = { items: readonly Entry[]; next_cursor: string | null };
export type LiveListSource<Entry> = Identity<Entry> & {
  /** Tells this list from others: what is asked for, and all its filters. */
  readonly key: readonly unknown[];
  readonly page: (request: PageRequest) => Promise<Page<Entry>>;
};

type Options = { isPaused: boolean; isHeld: boolean };
type Shown<Entry> = { to: number; items: readonly Entry[] };

export function useLiveList<Entry>(source: LiveListSource<Entry>, range: TimeRange, options: Options) {
  const [epoch, setEpoch] = useState(0);
  const key = JSON.stringify([source.key, rangeKey(range), epoch]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the window is taken anew for each key only
  const window = useMemo(() => windowOf(range, Date.now()), [key]);
  const pages = useInfiniteQuery({
    queryKey: ["list", key, window.to],
    queryFn: ({ pageParam }) => source.page({ ...isoWindow(window), cursor: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: (page: Page<Entry>) => page.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const isLive = range.kind === "last" && !options.isPaused;
  const newer = useQuery({
    queryKey: ["list-newer", key, window.to],
    queryFn: () => {
      const now = windowOf(range, Date.now());
      const from = Math.max(window.from, window.to - OVERLAP_MS);
      return source.page({ ...isoWindow({ from, to: now.to }), cursor: null, limit: MOST_NEW });
    },
    enabled: isLive && pages.isSuccess && !pages.isPlaceholderData,
    refetchInterval: LIVE_LIST_MS,
  });

  const [shown, setShown] = useState<Shown<Entry>>({ to: 0, items: [] });
  const arrived = newer.data;
  const show = () => {
    // More than one answer holds: what lies between would be missing, so the list starts anew.
    if (arrived?.next_cursor) setEpoch((before) => before + 1);
    else if (arrived) setShown({ to: window.to, items: arrived.items });
  };
  const isFollowing = isLive && !options.isHeld;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only an answer, or following again, shows it
  useEffect(() => {
    if (isFollowing) show();
  }, [arrived, isFollowing]);

  const older = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const items = useMemo(
    () => mergeNewestFirst(shown.to === window.to ? shown.items : [], older, source),
    [shown, window.to, older, source],
  );
  const waiting = useMemo(() => {
    const known = new Set(items.map(source.idOf));
    return arrived?.items.filter((entry) => !known.has(source.idOf(entry))).length ?? 0;
  }, [arrived, items, source]);
  return {
    items,
    pages,
    waiting: { count: waiting, isMore: Boolean(arrived?.next_cursor), show },
    /** When the list was last known to be complete; 0 while it is not live. */
    liveSince: isLive ? Math.max(newer.dataUpdatedAt, pages.dataUpdatedAt) : 0,
  };
}

export type LiveList<Entry> = ReturnType<typeof useLiveList<Entry>>;
