"use client";
import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { ProblemError } from "@/api/problem";
import type { TracePage, TraceSummary } from "@/api/types";
import type { LiveListSource } from "@/features/shell/use-live-list";
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
