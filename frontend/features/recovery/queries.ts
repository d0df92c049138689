"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";

export const RECOVERY_MS = 5000;

export function useRecovery() {
  return useQuery({
    queryKey: ["recovery"],
    queryFn: () => bodyOf(api.GET("/api/v1/recovery")),
    refetchInterval: RECOVERY_MS,
    placeholderData: keepPreviousData,
  });
}
