"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, bodyOf } from "@/api/client";
import type { Signals } from "@/api/types";
import type { Typed } from "./completion";

const SETTLED_MS = 150;
const KNOWN_MS = 30_000;

/** What may stand at the cursor; asked for when the writer pauses, and not at all without `isWanted`. */
export function useCompletions(signals: Signals, typed: Typed, isWanted: boolean) {
  const { text: q, cursor: position } = useSettled(typed);
  const isSettled = q === typed.text && position === typed.cursor;
  const query = useQuery({
    queryKey: ["completions", signals, q, position],
    queryFn: () =>
      bodyOf(api.GET("/api/v1/telemetry/completions", { params: { query: { signals, q, position } } })),
    enabled: isWanted,
    staleTime: KNOWN_MS,
    placeholderData: keepPreviousData,
  });
  return isWanted && isSettled && !query.isPlaceholderData ? query.data : undefined;
}

function useSettled(typed: Typed): Typed {
  const [settled, setSettled] = useState(typed);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(typed), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return settled;
}
