"use client";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { ViewPage } from "@/api/types";

export function useViews(page: ViewPage, isWanted: boolean) {
  return useQuery({
    queryKey: ["views", page],
    queryFn: () => bodyOf(api.GET("/api/v1/views", { params: { query: { page } } })),
    enabled: isWanted,
  });
}

export type NewView = { readonly name: string; readonly state: string; readonly shared: boolean };

export function useSaveView(page: ViewPage) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (view: NewView) => bodyOf(api.PUT("/api/v1/views", { body: { page, ...view } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["views", page] }),
  });
}

export function useForgetView(page: ViewPage) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) =>
      bodyOf(api.DELETE("/api/v1/views/{view_id}", { params: { path: { view_id: id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["views", page] }),
  });
}
