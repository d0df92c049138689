"use client";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "@/api/client";
import type { RecoveryOperation } from "@/api/types";
import { useEvents } from "@/features/shell/use-events";
import { type DrillKind, isOver } from "./model";

export const RECOVERY_MS = 5000;
const KEY = ["recovery"] as const;

export function useRecovery() {
  return useQuery({
    queryKey: KEY,
    queryFn: () => bodyOf(api.GET("/api/v1/recovery")),
    refetchInterval: RECOVERY_MS,
    placeholderData: keepPreviousData,
  });
}

/** The plan of a restore, asked for anew while it is looked at: what is lost grows with time. */
export function usePlan(to: string | null) {
  return useQuery({
    queryKey: [...KEY, "plan", to],
    queryFn: () => bodyOf(api.GET("/api/v1/recovery/plan", { params: { query: { to: to ?? "latest" } } })),
    enabled: to !== null,
    refetchInterval: ({ state }) => (state.error ? false : 10_000),
    retry: false,
  });
}

/** An operation as it goes on, over an open line until it is over. */
export function useFollowed(operation: RecoveryOperation): RecoveryOperation {
  const client = useQueryClient();
  const [heard, setHeard] = useState<RecoveryOperation | null>(null);
  const address = isOver(operation) ? null : `/api/v1/recovery/operations/${operation.id}/events`;
  useEvents(address, {
    operation: (body) => {
      const found = body as RecoveryOperation;
      setHeard(found);
      if (isOver(found)) void client.invalidateQueries({ queryKey: KEY });
    },
  });
  return isOver(operation) || heard === null ? operation : heard;
}

/** Done when it is answered; what the page shows comes again on its own, each part at its own pace. */
function useAct<Input>(act: (input: Input) => Promise<unknown>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: act, onSettled: () => void client.invalidateQueries({ queryKey: KEY }) });
}

export function useBackUp() {
  return useAct((full: boolean) => bodyOf(api.POST("/api/v1/recovery/backups", { body: { full } })));
}

export function useVerify() {
  return useAct((body: { backup: string; restore: boolean }) =>
    bodyOf(api.POST("/api/v1/recovery/verifications", { body })),
  );
}

export function useDrill() {
  return useAct((kind: DrillKind) =>
    bodyOf(api.POST("/api/v1/recovery/drills", { body: { kind, to: "latest" } })),
  );
}

export function useRestore() {
  return useAct((body: { to: string; plan: string }) =>
    bodyOf(api.POST("/api/v1/recovery/restores", { body })),
  );
}

export function useCancelOperation() {
  return useAct((id: string) =>
    bodyOf(
      api.POST("/api/v1/recovery/operations/{operation_id}/cancel", {
        params: { path: { operation_id: id } },
      }),
    ),
  );
}
