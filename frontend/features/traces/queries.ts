"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { ProblemError } from "@/api/problem";
import type { FlameGraph, TracePage, TraceSummary } from "@/api/types";
import type { LiveListSource } from "@/features/shell/use-live-list";
import { isoWindow, rangeKey, type TimeRange, windowOf } from "@/lib/time-range";
import { isArriving, type TraceQuery } from "./model";

export function traceSource(query: TraceQuery): LiveListSource<TraceSummary> {
  return {
    key: ["traces", query],
    idOf: (trace) => trace.trace_id,
    timeOf: (trace) => trace.start,
    page: (request): Promise<TracePage> =>
      bodyOf(api.GET("/api/v1/telemetry/traces", { params: { query: { ...query, ...request } } })),
  };
}

const FACETS_MS = 30_000;

export function useTraceFacets(query: TraceQuery, range: TimeRange, isPaused: boolean) {
  return useQuery({
    queryKey: ["trace-facets", query, rangeKey(range)],
    queryFn: () => {
      const params = { query: { ...query, ...isoWindow(windowOf(range, Date.now())) } };
      return bodyOf(api.GET("/api/v1/telemetry/traces/facets", { params }));
    },
    refetchInterval: range.kind === "last" && !isPaused ? FACETS_MS : false,
    placeholderData: keepPreviousData,
  });
}

const MOST_OF_SET = 50;

/** The traces that an address without an id stands for, newest first; looked for again while there is none. */
export function useTraceSet(query: TraceQuery, range: TimeRange, isWanted: boolean) {
  return useQuery({
    queryKey: ["trace-set", query, rangeKey(range)],
    queryFn: () => {
      const window = isoWindow(windowOf(range, Date.now()));
      return traceSource(query).page({ ...window, cursor: null, limit: MOST_OF_SET });
    },
    enabled: isWanted,
    refetchInterval: ({ state }) =>
      state.data?.items.length === 0 && state.dataUpdateCount < MOST_LOOKS ? TRACE_MS : false,
  });
}

export const TRACE_MS = 3000;
const MOST_LOOKS = 10;

/** A trace that ended just now, or that nobody has heard of yet, is looked at again until it settles. */
export function useTrace(id: string) {
  return useQuery({
    queryKey: ["trace", id],
    queryFn: () =>
      bodyOf(api.GET("/api/v1/telemetry/traces/{trace_id}", { params: { path: { trace_id: id } } })),
    enabled: id !== "",
    refetchInterval: ({ state }) => {
      if (state.data) return isArriving(state.data, Date.now()) ? TRACE_MS : false;
      const isUnknown = state.error instanceof ProblemError && state.error.kind === "not_found";
      return isUnknown && state.errorUpdateCount < MOST_LOOKS ? TRACE_MS : false;
    },
  });
}

/** Spans added up by name: of one trace, or of the newest that fit a search. */
export function useFlame(asked: { traceId: string } | { query: TraceQuery; range: TimeRange }) {
  const isOne = "traceId" in asked;
  return useQuery({
    queryKey: ["flame", isOne ? asked.traceId : [asked.query, rangeKey(asked.range)]],
    queryFn: () => {
      const query = isOne
        ? { trace_id: asked.traceId }
        : { ...asked.query, ...isoWindow(windowOf(asked.range, Date.now())) };
      return bodyOf(api.GET("/api/v1/telemetry/traces/flamegraph", { params: { query } }));
    },
    // Of a search, what it found before; of a trace never another one.
    placeholderData: (before: FlameGraph | undefined) => (isOne ? undefined : before),
  });
}
