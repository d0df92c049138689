"use client";
import { useEffect, useState } from "react";
import { formatAge } from "@/lib/format";
import { staleFor } from "@/lib/stale";
import { StaleBanner } from "@/ui/states";

/** Says so when what is shown is older than a live page may be; the old figures stay visible. */
export function Freshness({ updatedAt, interval_ms }: { updatedAt: number; interval_ms: number }) {
  const [now, setNow] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const age = staleFor(updatedAt, now, interval_ms);
  return age === null ? null : (
    <StaleBanner>No answer for {formatAge(age)}; what you see is as it was then.</StaleBanner>
  );
}
