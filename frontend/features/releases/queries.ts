"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";

export const RELEASES_MS = 3000;

export function useOperations() {
  return useQuery({
    queryKey: ["release-operations"],
    queryFn: () => bodyOf(api.GET("/api/v1/releases/operations")),
    refetchInterval: RELEASES_MS,
    placeholderData: keepPreviousData,
  });
}
