"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf, querySerializer } from "@/api/client";
import type { LogPage, LogRecord, Trace } from "@/api/types";
import type { LiveListSource } from "@/features/shell/use-live-list";
import { isoWindow, rangeKey, stepFor, type TimeRange, windowOf } from "@/lib/time-range";
import type { LogQuery } from "./model";

/** The client takes no list that cannot be changed. */
function asked(query: LogQuery) {
  return { ...query, attribute: [...query.attribute] };
}

export function logSource(query: LogQuery): LiveListSource<LogRecord> {
  return {
    key: ["logs", query],
    idOf: (record) => record.id,
    timeOf: (record) => record.timestamp,
    tail: `/api/v1/telemetry/logs/tail?${querySerializer(query)}`,
    page: (request): Promise<LogPage> =>
      bodyOf(api.GET("/api/v1/telemetry/logs", { params: { query: { ...asked(query), ...request } } })),
  };
}

/** Lines of a trace may be written before its first span began, and after its last one ended. */
const AROUND_MS = 300_000;
export const MOST_TRACE_LOGS = 500;

export function useTraceLogs(trace: Trace, interval_ms: number | false) {
  return useQuery({
    queryKey: ["trace-logs", trace.trace_id, trace.start, trace.duration_ms],
    queryFn: () => {
      const start = Date.parse(trace.start);
      const window = { from: start - AROUND_MS, to: start + trace.duration_ms + AROUND_MS };
      const query = {
        ...isoWindow(window),
        trace_id: trace.trace_id,
        limit: MOST_TRACE_LOGS,
        order: "asc" as const,
      };
      return bodyOf(api.GET("/api/v1/telemetry/logs", { params: { query } }));
    },
    refetchInterval: interval_ms,
    placeholderData: (before) => (before?.items[0]?.trace_id === trace.trace_id ? before : undefined),
  });
}

const HISTOGRAM_MS = 10_000;

export function useLogHistogram(query: LogQuery, range: TimeRange, isPaused: boolean) {
  return useQuery({
    queryKey: ["log-histogram", query, rangeKey(range)],
    queryFn: () => {
      const window = isoWindow(windowOf(range, Date.now()));
      const params = { query: { ...asked(query), ...window, step_s: stepFor(range) } };
      return bodyOf(api.GET("/api/v1/telemetry/logs/histogram", { params }));
    },
    refetchInterval: range.kind === "last" && !isPaused ? HISTOGRAM_MS : false,
    placeholderData: keepPreviousData,
  });
}

const FACETS_MS = 30_000;

export function useFacets(query: LogQuery, range: TimeRange, isPaused: boolean) {
  return useQuery({
    queryKey: ["log-facets", query, rangeKey(range)],
    queryFn: () => {
      const params = { query: { ...asked(query), ...isoWindow(windowOf(range, Date.now())) } };
      return bodyOf(api.GET("/api/v1/telemetry/logs/facets", { params }));
    },
    refetchInterval: range.kind === "last" && !isPaused ? FACETS_MS : false,
    placeholderData: keepPreviousData,
  });
}

export function usePatterns(query: LogQuery, range: TimeRange, isPaused: boolean) {
  return useQuery({
    queryKey: ["log-patterns", query, rangeKey(range)],
    queryFn: () => {
      const params = { query: { ...asked(query), ...isoWindow(windowOf(range, Date.now())) } };
      return bodyOf(api.GET("/api/v1/telemetry/logs/patterns", { params }));
    },
    refetchInterval: range.kind === "last" && !isPaused ? FACETS_MS : false,
    placeholderData: keepPreviousData,
  });
}

/** Entries around one: of its service, or of everybody. */
export function useLogContext(record: LogRecord, isOfService: boolean, count: number) {
  return useQuery({
    queryKey: ["log-context", record.id, isOfService, count],
    queryFn: () => {
      const params = {
        path: { entry_id: record.id },
        query: { count, ...(isOfService ? { service: record.service } : {}) },
      };
      return bodyOf(api.GET("/api/v1/telemetry/logs/{entry_id}/context", { params }));
    },
    placeholderData: (before, query) => (query?.queryKey[1] === record.id ? before : undefined),
  });
}
