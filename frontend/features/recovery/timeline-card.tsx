"use client";
import type { Recovery } from "@/api/types";
import { usePageState } from "@/features/shell/use-page-state";
import { formatDateTime, plural } from "@/lib/format";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Segmented } from "@/ui/segmented";
import { EmptyState } from "@/ui/states";
import { isoOf, isRestorable, RANGES, rangeOf, type Target } from "./model";
import { Timeline } from "./timeline";

type Props = { recovery: Recovery; target: Target | null; onChoose: (to: string | null) => void };

/** Backups and write-ahead log over time; a moment picked on it is one to restore to. */
export function TimelineCard({ recovery, target, onChoose }: Props) {
  const { params, change } = usePageState();
  const { name, span } = rangeOf(params.get("range"), recovery);
  const gaps = recovery.repositories.reduce((sum, one) => sum + one.gaps.length, 0);
  return (
    <Card
      title="What can come back"
      testId="recovery-timeline"
      aside={
        <Segmented
          label="Range of the timeline"
          value={name}
          options={RANGES}
          onChange={(range) => change({ range })}
        />
      }
    >
      {recovery.backups.length === 0 ? (
        <EmptyState title="There is no backup yet">
          <p>
            The first one is taken by itself shortly after the start. Until then everything would be lost.
          </p>
        </EmptyState>
      ) : (
        <div className="flex flex-col gap-3">
          <Timeline
            recovery={recovery}
            range={span}
            picked={target?.at ?? null}
            onPick={(at) => onChoose(isoOf(at))}
          />
          <div className="flex flex-wrap items-center gap-x-4 gap-y-2 text-[13px]">
            <Button look={target ? "plain" : "primary"} onClick={() => onChoose("latest")}>
              Restore to the newest state…
            </Button>
            <span className="text-ink-soft">
              {target?.at == null
                ? "or pick a moment on the timeline: click it, or move with the arrows."
                : `${formatDateTime(target.at)} ${isRestorable(target.at, recovery) ? "can come back." : "cannot come back: no backup with unbroken log reaches it."}`}
            </span>
            {gaps > 0 ? (
              <span className="font-medium text-bad">
                {plural(gaps, "gap")} in the write-ahead log: moments within cannot come back.
              </span>
            ) : null}
          </div>
        </div>
      )}
    </Card>
  );
}
