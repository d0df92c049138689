"use client";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { api, bodyOf } from "@/api/client";
import type { ReleasedUnit, ReleaseEntry, ReleaseOperation } from "@/api/types";
import { useEvents } from "@/features/shell/use-events";
import { isOver, merged } from "./model";

export const RELEASES_MS = 3000;
const KEY = ["releases"] as const;

export function useOperations(unit: ReleasedUnit) {
  return useQuery({
    queryKey: [...KEY, "operations", unit],
    queryFn: () => bodyOf(api.GET("/api/v1/releases/operations", { params: { query: { unit } } })),
    refetchInterval: RELEASES_MS,
  });
}

export function useReleaseState(unit: ReleasedUnit) {
  return useQuery({
    queryKey: [...KEY, "state", unit],
    queryFn: () => bodyOf(api.GET("/api/v1/releases/state", { params: { query: { unit } } })),
    refetchInterval: RELEASES_MS,
  });
}

export function useKeptReleases(unit: ReleasedUnit, isWanted: boolean) {
  return useQuery({
    queryKey: [...KEY, "kept", unit],
    queryFn: () => bodyOf(api.GET("/api/v1/releases", { params: { query: { unit } } })),
    enabled: isWanted,
  });
}

export function useDetail(id: number) {
  return useQuery({
    queryKey: [...KEY, "operation", id],
    queryFn: () =>
      bodyOf(
        api.GET("/api/v1/releases/operations/{operation_id}", { params: { path: { operation_id: id } } }),
      ),
    refetchInterval: ({ state }) => (state.data && isOver(state.data.operation.state) ? false : RELEASES_MS),
  });
}

export function useTraffic(id: number, isLive: boolean) {
  return useQuery({
    queryKey: [...KEY, "traffic", id],
    queryFn: () =>
      bodyOf(
        api.GET("/api/v1/releases/operations/{operation_id}/traffic", {
          params: { path: { operation_id: id } },
        }),
      ),
    refetchInterval: isLive ? RELEASES_MS : false,
    placeholderData: keepPreviousData,
  });
}

/** The journal as it is written: what the detail had, and what came since over the open line. */
export function useJournal(operation: ReleaseOperation, entries: readonly ReleaseEntry[]) {
  const client = useQueryClient();
  const [heard, setHeard] = useState<readonly ReleaseEntry[]>([]);
  const refresh = useCallback(() => client.invalidateQueries({ queryKey: KEY }), [client]);
  const address = isOver(operation.state) ? null : `/api/v1/releases/operations/${operation.id}/events`;
  const isUp = useEvents(address, {
    entry: (entry) => setHeard((before) => [...before, entry as ReleaseEntry]),
    operation: () => void refresh(),
  });
  return { entries: useMemo(() => merged(entries, heard), [entries, heard]), isUp };
}

/** Done when it is answered; what the page shows comes again on its own, each part at its own pace. */
function useAct<Input>(act: (input: Input) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: act,
    onSettled: () => void client.invalidateQueries({ queryKey: KEY }),
  });
}

export function useDeploy() {
  return useAct((body: { message: string; forward_only: boolean }) =>
    bodyOf(api.POST("/api/v1/releases", { body })),
  );
}

export function useRollBack(unit: ReleasedUnit) {
  return useAct((release: string) =>
    bodyOf(api.POST("/api/v1/releases/rollback", { body: { release, unit } })),
  );
}

export function useApprove(id: number) {
  return useAct((body: { plan: string; why: string }) =>
    bodyOf(
      api.POST("/api/v1/releases/operations/{operation_id}/approve", {
        params: { path: { operation_id: id } },
        body,
      }),
    ),
  );
}

export function useCancel(id: number) {
  return useAct((_: null) =>
    bodyOf(
      api.POST("/api/v1/releases/operations/{operation_id}/cancel", {
        params: { path: { operation_id: id } },
      }),
    ),
  );
}

export function useMaintenance() {
  return useAct((closed: boolean) => bodyOf(api.PUT("/api/v1/releases/maintenance", { body: { closed } })));
}
