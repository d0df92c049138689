"use client";
import { useEffect, useRef, useState } from "react";

type Handlers = Readonly<Record<string, (body: unknown) => void>>;

/**
 * Listens to server-sent events of an address while it is not null, and says whether the line is up.
 * The browser connects again by itself and tells the number of the last event that it got.
 */
export function useEvents(address: string | null, handlers: Handlers): boolean {
  const [isUp, setUp] = useState(false);
  const latest = useRef(handlers);
  latest.current = handlers;
  const names = Object.keys(handlers).join("|");
  useEffect(() => {
    if (address === null) return;
    const source = new EventSource(address, { withCredentials: true });
    source.onopen = () => setUp(true);
    source.onerror = () => setUp(false);
    for (const name of names.split("|")) {
      source.addEventListener(name, (event) => latest.current[name]?.(JSON.parse(event.data)));
    }
    return () => {
      source.close();
      setUp(false);
    };
  }, [address, names]);
  return isUp;
}
