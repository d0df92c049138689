"use client";
/** What stands around every live list: loading, failure, nothing found, waiting entries, older ones. */
import { type ReactNode, type RefObject, useEffect, useState } from "react";
import { formatCount } from "@/lib/format";
import { Button } from "@/ui/button";
import { cx } from "@/ui/cx";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import type { LiveList } from "./use-live-list";

type Props<Entry> = {
  list: LiveList<Entry>;
  /** What its entries are called, in the plural. */
  noun: string;
  empty: ReactNode;
  children: ReactNode;
};

export function LiveListFrame<Entry>({ list, noun, empty, children }: Props<Entry>) {
  const { pages, items, waiting } = list;
  if (pages.error && !pages.data) {
    return <ErrorState problem={pages.error} onRetry={() => void pages.refetch()} />;
  }
  if (pages.isPending) return <SkeletonRows rows={14} label={noun} />;
  const showWaiting = () => {
    waiting.show();
    window.scrollTo({ top: 0 });
  };
  return (
    <>
      {waiting.count > 0 ? (
        <div className="sticky top-2 z-10 flex h-0 justify-center">
          <Button look="primary" className="mt-1 h-7 shadow-lift" onClick={showWaiting}>
            ↑ {formatCount(waiting.count)}
            {waiting.isMore ? "+" : ""} new
          </Button>
        </div>
      ) : null}
      {items.length === 0 ? empty : null}
      <div className={cx("transition-opacity", pages.isPlaceholderData && "opacity-50")}>{children}</div>
      {pages.isFetchNextPageError ? (
        <ErrorState problem={pages.error} onRetry={() => void pages.fetchNextPage()} />
      ) : null}
      {items.length > 0 ? (
        <div className="flex items-center justify-center gap-3 border-line border-t p-2">
          {pages.hasNextPage ? (
            <Button disabled={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
              {pages.isFetchingNextPage ? "Loading …" : "Load older"}
            </Button>
          ) : (
            <span className="text-[12.5px] text-ink-faint">These are all {noun} of this time.</span>
          )}
        </div>
      ) : null}
    </>
  );
}

const NEAR_TOP_PX = 40;

/** True while somebody looks at what must not move: scrolled down, or on a row with the keyboard. */
export function useIsReading(rows: RefObject<HTMLElement | null>): boolean {
  const [isReading, setReading] = useState(false);
  useEffect(() => {
    const read = () =>
      setReading(window.scrollY > NEAR_TOP_PX || Boolean(rows.current?.contains(document.activeElement)));
    read();
    window.addEventListener("scroll", read, { passive: true });
    window.addEventListener("focusin", read);
    window.addEventListener("focusout", read);
    return () => {
      window.removeEventListener("scroll", read);
      window.removeEventListener("focusin", read);
      window.removeEventListener("focusout", read);
    };
  }, [rows]);
  return isReading;
}
