"use client";
/**
 * The state of a page is its address: what is set here can be linked, reloaded and gone back to. A step that
 * somebody takes (`push`) is one that the back button undoes; what settles while typing replaces the last.
 */
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useCallback, useMemo } from "react";
import { rangeFromParams, rangeToParams, type TimeRange } from "@/lib/time-range";

export type Changes = Readonly<Record<string, string | readonly string[] | null>>;

export function usePageState() {
  const router = useRouter();
  const path = usePathname();
  const params = useSearchParams();
  const range = useMemo(() => rangeFromParams(new URLSearchParams(params)), [params]);
  const change = useCallback(
    (changes: Changes, how: "push" | "replace" = "push") => {
      const next = new URLSearchParams(params);
      for (const [key, value] of Object.entries(changes)) {
        next.delete(key);
        for (const each of value === null ? [] : [value].flat()) if (each !== "") next.append(key, each);
      }
      const query = next.toString();
      router[how](query ? `${path}?${query}` : path, { scroll: false });
    },
    [params, path, router],
  );
  const changeRange = useCallback((next: TimeRange) => change(rangeToParams(next)), [change]);
  return { params, range, change, changeRange };
}
