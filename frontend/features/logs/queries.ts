"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { LogPage, LogRecord, Trace } from "@/api/types";
import type { LiveListSource, PageRequest } from "@/features/shell/use-live-list";
import { isoWindow, rangeKey, stepFor, type TimeRange, windowOf } from "@/lib/time-range";
import type { LogQuery } from "./model";

/** Leaves out what is not asked for. */
function given(query: LogQuery, request: PageRequest) {
  return { ...query, ...request, attribute: [...query.attribute] };
}

export function logSource(query: LogQuery): LiveListSource<LogRecord> {
  return {
    key: ["logs", query],
    idOf: (record) => record.id,
    timeOf: (record) => record.timestamp,
    page: (request): Promise<LogPage> =>
      bodyOf(api.GET("/api/v1/telemetry/logs", { params: { query: given(query, request) } })),
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
  });
}

const HISTOGRAM_MS = 10_000;

export function useLogHistogram(query: LogQuery, range: TimeRange, isPaused: boolean) {
  return useQuery({
    queryKey: ["log-histogram", query, rangeKey(range)],
    queryFn: () => {
      const asked = { ...isoWindow(windowOf(range, Date.now())), step_s: stepFor(range) };
      const params = { query: { ...query, ...asked, attribute: [...query.attribute] } };
      return bodyOf(api.GET("/api/v1/telemetry/logs/histogram", { params }));
    },
    refetchInterval: range.kind === "last" && !isPaused ? HISTOGRAM_MS : false,
    placeholderData: keepPreviousData,
  });
}
