"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { isoWindow, rangeKey, stepFor, type TimeRange, windowOf } from "@/lib/time-range";

export const EXCEPTIONS_MS = 10_000;

function live(range: TimeRange, isPaused: boolean) {
  const interval: number | false = range.kind === "last" && !isPaused ? EXCEPTIONS_MS : false;
  return { refetchInterval: interval, placeholderData: keepPreviousData };
}

export function useErrorGroups(range: TimeRange, service: string | null, isPaused: boolean) {
  return useQuery({
    queryKey: ["exceptions", rangeKey(range), service],
    queryFn: () => {
      const query = { ...isoWindow(windowOf(range, Date.now())), service };
      return bodyOf(api.GET("/api/v1/telemetry/exceptions", { params: { query } }));
    },
    ...live(range, isPaused),
  });
}

export function useErrorGroup(id: string, range: TimeRange, isPaused: boolean) {
  return useQuery({
    queryKey: ["exception", id, rangeKey(range)],
    queryFn: () => {
      const query = { ...isoWindow(windowOf(range, Date.now())), step_s: stepFor(range) };
      const params = { path: { group_id: id }, query };
      return bodyOf(api.GET("/api/v1/telemetry/exceptions/{group_id}", { params }));
    },
    ...live(range, isPaused),
  });
}
