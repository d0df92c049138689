"use client";
import { useCallback, useSyncExternalStore } from "react";

function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (onChange: () => void) => {
      const list = matchMedia(query);
      list.addEventListener("change", onChange);
      return () => list.removeEventListener("change", onChange);
    },
    [query],
  );
  return useSyncExternalStore(
    subscribe,
    () => matchMedia(query).matches,
    () => true,
  );
}

/** Whether there is room for a panel beside the content. */
export function useIsWide(): boolean {
  return useMedia("(min-width: 64rem)");
}

/** Whether there is room for columns beside each other in one line; else they stand below each other. */
export function useHasColumns(): boolean {
  return useMedia("(min-width: 48rem)");
}
