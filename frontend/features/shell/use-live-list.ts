"use client";
/**
 * A list of telemetry, newest first. Older pages are asked for by cursor; the newest page grows by a stream
 * of what arrives, or is polled for without one, and is shown at once while nobody reads further down, else
 * its new entries are counted as waiting. Nothing ever moves what a reader looks at.
 */
import {
  type InfiniteData,
  keepPreviousData,
  useInfiniteQuery,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { type Identity, isJoined, mergeNewestFirst } from "@/lib/live-list";
import { isoWindow, rangeKey, type TimeRange, type Window, windowOf } from "@/lib/time-range";
import { type Arrival, useTail } from "./use-tail";

export const LIVE_LIST_MS = 3000;
/** With a stream open, what it left out is looked for now and then. */
const STREAMED_MS = 10_000;
const PAGE = 100;
/** The newest page is asked for anew instead of growing beyond this. */
const MOST_ARRIVED = 300;
/** A list that is followed for hours is cut back to its newest page when it has become this long. */
const MOST_SHOWN = 1500;

export type PageRequest = { from: string; to: string; cursor: string | null; limit: number };
type Page<Entry> = { items: readonly Entry[]; next_cursor: string | null };
type Pages<Entry> = InfiniteData<Page<Entry>, string | null>;
export type LiveListSource<Entry> = Identity<Entry> & {
  /** Tells this list from others: what is asked for, and all its filters. */
  readonly key: readonly unknown[];
  readonly page: (request: PageRequest) => Promise<Page<Entry>>;
  /** Address of a stream of new entries, where there is one. */
  readonly tail?: string;
};
type Newest<Entry> = { window: Window; page: Page<Entry> };
/** `isHeld`: somebody looks at what must not move. */
type Options = { isPaused: boolean; isHeld: boolean };

export function useLiveList<Entry>(source: LiveListSource<Entry>, range: TimeRange, options: Options) {
  const client = useQueryClient();
  const key = JSON.stringify([source.key, rangeKey(range)]);
  const [anchor, setAnchor] = useAnchor(key, range);
  const pages = useInfiniteQuery({
    queryKey: ["list", key, anchor.to],
    queryFn: ({ pageParam }) => source.page({ ...isoWindow(anchor), cursor: pageParam, limit: PAGE }),
    initialPageParam: null as string | null,
    getNextPageParam: (page: Page<Entry>) => page.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const isLive = range.kind === "last" && !options.isPaused;
  const isStreaming = useRef(false);
  const newest = useQuery({
    queryKey: ["list-newest", key],
    queryFn: async () => {
      const window = windowOf(range, Date.now());
      const page = await source.page({ ...isoWindow(window), cursor: null, limit: PAGE });
      return { window, page };
    },
    enabled: isLive && pages.isSuccess && !pages.isPlaceholderData,
    refetchInterval: () => (isStreaming.current ? STREAMED_MS : LIVE_LIST_MS),
  });
  const grow = ({ items: arrived, skipped }: Arrival<Entry>) => {
    const known = client.getQueryData<Newest<Entry>>(["list-newest", key]);
    if (known === undefined) return;
    const items = mergeNewestFirst(arrived, known.page.items, source);
    if (skipped || items.length > MOST_ARRIVED) void newest.refetch();
    else {
      const page = { ...known.page, items };
      client.setQueryData(["list-newest", key], { window: windowOf(range, Date.now()), page });
    }
  };
  const isTailed = useTail(isLive ? (source.tail ?? null) : null, grow);
  isStreaming.current = isTailed;

  const older = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const [shown, setShown] = useState<{ anchor: Window; items: readonly Entry[] }>({ anchor, items: [] });
  const added = shown.anchor === anchor ? shown.items : NOTHING;
  const items = useMemo(() => mergeNewestFirst(added, older, source), [added, older, source]);
  const arrived = newest.data;
  const known = useMemo(() => new Set(items.map(source.idOf)), [items, source]);
  const isGap = arrived !== undefined && !isJoined(arrived.page, known, source.idOf);
  const show = () => {
    if (arrived === undefined) return;
    if (isGap || items.length > MOST_SHOWN) {
      const seed: Pages<Entry> = { pages: [arrived.page], pageParams: [null] };
      client.setQueryData(["list", key, arrived.window.to], seed);
      setAnchor(arrived.window);
    } else setShown({ anchor, items: mergeNewestFirst(arrived.page.items, added, source) });
  };
  const isFollowing = isLive && !options.isHeld;
  // biome-ignore lint/correctness/useExhaustiveDependencies: only an answer, or following again, shows it
  useEffect(() => {
    if (isFollowing) show();
  }, [arrived, isFollowing]);

  return {
    items,
    pages,
    waiting: {
      count: isLive ? (arrived?.page.items.filter((entry) => !known.has(source.idOf(entry))).length ?? 0) : 0,
      isMore: isGap,
      show,
    },
    isLive,
    isTailed,
    /** When the list was last known to be complete; 0 while it is not live. */
    liveSince: isLive ? Math.max(newest.dataUpdatedAt, pages.dataUpdatedAt) : 0,
  };
}

export type LiveList<Entry> = ReturnType<typeof useLiveList<Entry>>;
const NOTHING: readonly never[] = [];

/** The window of the first page: taken when the list is asked for, and kept until it starts anew. */
function useAnchor(key: string, range: TimeRange): [Window, (window: Window) => void] {
  const [anchor, setAnchor] = useState(() => ({ key, window: windowOf(range, Date.now()) }));
  if (anchor.key !== key) {
    const next = { key, window: windowOf(range, Date.now()) };
    setAnchor(next);
    return [next.window, (window) => setAnchor({ key, window })];
  }
  return [anchor.window, (window) => setAnchor({ key, window })];
}
