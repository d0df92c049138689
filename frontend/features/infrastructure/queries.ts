"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useMetric } from "@/features/metrics/queries";
import { isoWindow, rangeKey, type TimeRange, windowOf } from "@/lib/time-range";
import { type Figures, type GroupedBy, runningQuery } from "./model";

export const HOSTS_MS = 10_000;

export function useHosts(range: TimeRange, isPaused: boolean) {
  return useQuery({
    queryKey: ["hosts", rangeKey(range)],
    queryFn: () => {
      const query = isoWindow(windowOf(range, Date.now()));
      return bodyOf(api.GET("/api/v1/telemetry/hosts", { params: { query } }));
    },
    refetchInterval: range.kind === "last" && !isPaused ? HOSTS_MS : false,
    placeholderData: keepPreviousData,
  });
}

/** Processors, memory and disk of what runs on a host. */
export function useRunning(host: string, by: GroupedBy, range: TimeRange, isPaused: boolean) {
  const cpu = useMetric(runningQuery(host, "process.cpu.utilization", by), range, isPaused);
  const memory = useMetric(runningQuery(host, "process.memory.usage", by), range, isPaused);
  const read = useMetric(runningQuery(host, "insight.process.disk.read", by), range, isPaused);
  const write = useMetric(runningQuery(host, "insight.process.disk.write", by), range, isPaused);
  const figures: Figures = { cpu: cpu.data, memory: memory.data, read: read.data, write: write.data };
  const retry = () => void Promise.all([cpu, memory, read, write].map((each) => each.refetch()));
  return { figures, isPending: cpu.isPending || memory.isPending, error: cpu.error ?? memory.error, retry };
}
