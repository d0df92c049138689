"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { isoWindow, rangeKey, stepFor, type TimeRange, windowOf } from "@/lib/time-range";
import type { MetricQuery } from "./model";

export const METRIC_MS = 10_000;
const KNOWN_MS = 60_000;

function iso(range: TimeRange) {
  return isoWindow(windowOf(range, Date.now()));
}

export function useMetricList(range: TimeRange) {
  return useQuery({
    queryKey: ["metrics", rangeKey(range)],
    queryFn: () => bodyOf(api.GET("/api/v1/telemetry/metrics", { params: { query: iso(range) } })),
    refetchInterval: range.kind === "last" ? KNOWN_MS : false,
    placeholderData: keepPreviousData,
  });
}

export function useLabels(name: string | null, range: TimeRange) {
  return useQuery({
    queryKey: ["metric-labels", name, rangeKey(range)],
    queryFn: () => {
      const query = { ...iso(range), name: name ?? "" };
      return bodyOf(api.GET("/api/v1/telemetry/metrics/labels", { params: { query } }));
    },
    enabled: name !== null,
    staleTime: KNOWN_MS,
  });
}

/** Two samples of the usual distance make a slot: shorter ones would be gaps. */
const LEAST_STEP_S = 10;

export function useMetric(asked: MetricQuery, range: TimeRange, isPaused: boolean) {
  const { name } = asked;
  return useQuery({
    queryKey: ["metric", asked, rangeKey(range)],
    queryFn: () => {
      const step_s = Math.max(LEAST_STEP_S, stepFor(range));
      const query = { ...asked, ...iso(range), name: name ?? "", group_by: [...asked.group_by], step_s };
      return bodyOf(api.GET("/api/v1/telemetry/metrics/query", { params: { query } }));
    },
    enabled: name !== null,
    refetchInterval: range.kind === "last" && !isPaused ? METRIC_MS : false,
    placeholderData: (before) => (before?.name === name ? before : undefined), // never another's lines
  });
}
