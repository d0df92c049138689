"use client";
import { useEffect, useRef, useState } from "react";

export type Arrival<Entry> = { readonly items: readonly Entry[]; readonly skipped: boolean };

/**
 * Follows a stream of server-sent `entries`, and tells whether it is open. The browser connects again by
 * itself. A page that nobody sees closes it: browsers allow few connections to one address.
 */
export function useTail<Entry>(
  address: string | null,
  onArrival: (arrival: Arrival<Entry>) => void,
): boolean {
  const [isOpen, setOpen] = useState(false);
  const told = useRef(onArrival);
  told.current = onArrival;
  useEffect(() => {
    if (address === null) return;
    let stream: EventSource | null = null;
    const close = () => {
      stream?.close();
      stream = null;
      setOpen(false);
    };
    const follow = () => {
      close();
      if (document.hidden) return;
      stream = new EventSource(address);
      stream.onopen = () => setOpen(true);
      stream.onerror = () => setOpen(false);
      stream.addEventListener("entries", (event) => told.current(JSON.parse(event.data) as Arrival<Entry>));
    };
    follow();
    document.addEventListener("visibilitychange", follow);
    return () => {
      document.removeEventListener("visibilitychange", follow);
      close();
    };
  }, [address]);
  return isOpen;
}
