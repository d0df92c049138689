"use client";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { type Asked, isOver } from "./model";

const KEY = ["deletions"] as const;
const RUNNING_MS = 1000;
export const DELETIONS_MS = 15_000;

/** The newest first; looked at often while one of them is under way. */
export function useDeletions() {
  return useQuery({
    queryKey: KEY,
    queryFn: () => bodyOf(api.GET("/api/v1/telemetry/deletions")),
    refetchInterval: ({ state }) => (state.data?.items.every(isOver) ? DELETIONS_MS : RUNNING_MS),
    placeholderData: keepPreviousData,
  });
}

/** Counts what would go; deletes nothing. */
export function useForesee() {
  return useMutation({
    mutationFn: (asked: Asked) =>
      bodyOf(api.POST("/api/v1/telemetry/deletions", { body: { ...asked, dry_run: true } })),
  });
}

export function useDelete() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (asked: Asked) =>
      bodyOf(api.POST("/api/v1/telemetry/deletions", { body: { ...asked, dry_run: false } })),
    onSettled: () => void client.invalidateQueries({ queryKey: KEY }),
  });
}
