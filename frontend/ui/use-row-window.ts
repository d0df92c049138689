"use client";
import { type RefObject, useCallback, useEffect, useState } from "react";
import { type RowWindow, rowsInView, scrollTopFor } from "./row-window";

type Windowed = RowWindow & { readonly reveal: (row: number) => void };

/** Follows the scrolling of `view`, whose rows all are `rowHeight` pixels high. */
export function useRowWindow(
  view: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
): Windowed {
  const [{ top, height }, setPlace] = useState({ top: 0, height: 600 });
  useEffect(() => {
    const element = view.current;
    if (element === null) return;
    const read = () => setPlace({ top: element.scrollTop, height: element.clientHeight });
    read();
    element.addEventListener("scroll", read, { passive: true });
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", read);
      observer.disconnect();
    };
  }, [view]);
  const reveal = useCallback(
    (row: number) => {
      const element = view.current;
      if (element === null || row < 0) return;
      const wanted = scrollTopFor(row, element.scrollTop, element.clientHeight, rowHeight);
      if (wanted !== null) element.scrollTop = wanted;
    },
    [view, rowHeight],
  );
  return { ...rowsInView(top, height, rowHeight, count), reveal };
}
