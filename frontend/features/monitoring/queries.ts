"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { isoWindow, rangeKey, stepFor, type TimeRange, windowOf } from "@/lib/time-range";

export const LIVE_MS = 3000;

function iso(range: TimeRange): { from: string; to: string } {
  return isoWindow(windowOf(range, Date.now()));
}

/** A moving range is asked for again and again, a fixed one once. */
function live(range: TimeRange, isPaused: boolean) {
  const interval: number | false = range.kind === "fixed" || isPaused ? false : LIVE_MS;
  return { refetchInterval: interval, placeholderData: keepPreviousData };
}

export function usePlatform(isPaused: boolean) {
  return useQuery({
    queryKey: ["platform"],
    queryFn: () => bodyOf(api.GET("/api/v1/platform")),
    refetchInterval: isPaused ? (false as const) : LIVE_MS,
  });
}

export function useOverview(range: TimeRange, service: string | null, isPaused: boolean) {
  return useQuery({
    queryKey: ["overview", rangeKey(range), service],
    queryFn: () => {
      const query = { ...iso(range), service };
      return bodyOf(api.GET("/api/v1/monitoring/overview", { params: { query } }));
    },
    ...live(range, isPaused),
  });
}

export function useRequests(range: TimeRange, service: string | null, isPaused: boolean) {
  const step_s = stepFor(range);
  return useQuery({
    queryKey: ["requests", rangeKey(range), service],
    queryFn: async () => {
      const asked = iso(range);
      const query = { ...asked, step_s, service };
      const series = await bodyOf(api.GET("/api/v1/monitoring/requests", { params: { query } }));
      return { series, window: { from: Date.parse(asked.from), to: Date.parse(asked.to) } };
    },
    ...live(range, isPaused),
  });
}

export function useRoutes(range: TimeRange, service: string | null, isPaused: boolean) {
  return useQuery({
    queryKey: ["routes", rangeKey(range), service],
    queryFn: () => {
      const query = { ...iso(range), service };
      return bodyOf(api.GET("/api/v1/monitoring/routes", { params: { query } }));
    },
    ...live(range, isPaused),
  });
}

export function useResources(range: TimeRange, isPaused: boolean) {
  const step_s = Math.max(10, stepFor(range));
  return useQuery({
    queryKey: ["resources", rangeKey(range)],
    queryFn: () =>
      bodyOf(api.GET("/api/v1/monitoring/resources", { params: { query: { ...iso(range), step_s } } })),
    ...live(range, isPaused),
  });
}
