"use client";
import { useMutation } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { AskedSql } from "./model";

export function useSql() {
  return useMutation({
    mutationFn: (body: AskedSql) => bodyOf(api.POST("/api/v1/telemetry/sql", { body })),
  });
}
