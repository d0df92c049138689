"use client";
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";
import type { BackupEntry, Recovery } from "@/api/types";
import { formatClock, formatDate, formatDateTime } from "@/lib/format";
import { StatusGlyph } from "@/ui/badge";
import { cx } from "@/ui/cx";
import { type Bar, barOf, isRestorable, momentAt, type Span, shareOf, standingOf, ticksOf } from "./model";

type Props = {
  recovery: Recovery;
  range: Span;
  picked: number | null;
  onPick: (at: number) => void;
};
const STEPS = 200;

/** Lanes over one axis of time. It is a slider: a pointer, or the arrows and Enter, pick a moment. */
export function Timeline({ recovery, range, picked, onPick }: Props) {
  const lanes = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const shown = hovered ?? picked;
  const within = (event: PointerEvent) => {
    const box = lanes.current?.getBoundingClientRect();
    return box && box.width > 0 ? momentAt((event.clientX - box.left) / box.width, range) : null;
  };
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
    const from = shown ?? range.until;
    if (step !== undefined) {
      event.preventDefault();
      const next = from + (step * (range.until - range.from)) / STEPS;
      setHovered(momentAt((next - range.from) / (range.until - range.from), range));
    } else if (event.key === "Enter" && shown !== null) {
      event.preventDefault();
      onPick(shown);
    }
  };
  return (
    <div className="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-x-2 text-[12px] sm:grid-cols-[8rem_minmax(0,1fr)]">
      <Names recovery={recovery} />
      <div
        ref={lanes}
        role="slider"
        tabIndex={0}
        aria-label="Moment to restore to"
        aria-valuemin={range.from}
        aria-valuemax={range.until}
        aria-valuenow={shown ?? range.until}
        aria-valuetext={shown === null ? "none is picked" : textOf(shown, recovery)}
        onKeyDown={onKey}
        onBlur={() => setHovered(null)}
        onPointerMove={(event) => setHovered(within(event))}
        onPointerLeave={() => setHovered(null)}
        onClick={() => hovered !== null && onPick(hovered)}
        className="relative flex cursor-crosshair select-none flex-col gap-1.5"
      >
        <Lane>
          {recovery.windows.map((one) => (
            <Stretch
              key={one.from_at}
              bar={barOf(one.from_at, one.until_at, range)}
              look="bg-ok opacity-60"
            />
          ))}
        </Lane>
        {recovery.repositories.map((repository) => (
          <Lane key={repository.repository}>
            {repository.spans.map((span) => (
              <Stretch
                key={`${span.timeline}${span.start}`}
                bar={barOf(span.from_at, span.until_at, range)}
                look="bg-accent opacity-70"
              />
            ))}
            {repository.gaps.map((gap) => (
              <Stretch
                key={`gap${gap.start}`}
                bar={barOf(gap.from_at, gap.until_at, range)}
                look="bg-bad outline outline-bad"
              />
            ))}
          </Lane>
        ))}
        <Lane>
          {recovery.backups.map((backup) => (
            <Mark key={backup.id} backup={backup} range={range} />
          ))}
        </Lane>
        <Lane>
          {recovery.points
            .filter((point) => inRange(Date.parse(point.at), range))
            .map((point) => (
              <span
                key={point.name}
                title={`${point.name}, ${formatDateTime(point.at)}`}
                className="absolute top-0 h-full w-0.5 bg-(--chart-2)"
                style={{ left: `${shareOf(Date.parse(point.at), range)}%` }}
              />
            ))}
        </Lane>
        <Axis range={range} />
        {shown === null || !inRange(shown, range) ? null : (
          <Cursor at={shown} range={range} recovery={recovery} />
        )}
      </div>
    </div>
  );
}

function inRange(at: number, range: Span): boolean {
  return at >= range.from && at <= range.until;
}

function textOf(at: number, recovery: Recovery): string {
  return `${formatDateTime(at)}, ${isRestorable(at, recovery) ? "can come back" : "cannot come back"}`;
}

function Names({ recovery }: { recovery: Recovery }) {
  const name = "flex h-5 items-center truncate text-ink-soft";
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <span className={name}>Restorable</span>
      {recovery.repositories.map((one, at) => (
        <span key={one.repository} className={name} title={`Write-ahead log in ${one.repository}`}>
          {recovery.repositories.length > 1 ? `Log ${at + 1}` : "Log"}
          {one.problem ? <span className="pl-1 text-bad">▲</span> : null}
        </span>
      ))}
      <span className={name}>Backups</span>
      <span className={name} title="Restore points with a name: one before each migration">
        Named
      </span>
    </div>
  );
}

function Lane({ children }: { children: ReactNode }) {
  return <div className="relative h-5 overflow-hidden rounded-sm bg-sunken">{children}</div>;
}

function Stretch({ bar, look }: { bar: Bar | null; look: string }) {
  if (bar === null) return null;
  return (
    <span
      className={cx("absolute top-1 bottom-1 min-w-0.5 rounded-sm", look)}
      style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
    />
  );
}

/** A full backup stands in a box, an incremental one alone. */
function Mark({ backup, range }: { backup: BackupEntry; range: Span }) {
  const at = Date.parse(backup.ended_at);
  if (!inRange(at, range)) return null;
  const standing = standingOf(backup.standing);
  return (
    <span
      title={`${backup.kind}, ${formatDateTime(backup.ended_at)}: ${standing.word}`}
      className={cx(
        "-translate-x-1/2 absolute top-0.5 flex size-4 items-center justify-center rounded-sm",
        backup.kind === "full" && "border border-line-strong bg-surface",
      )}
      style={{ left: `${shareOf(at, range)}%` }}
    >
      <StatusGlyph tone={standing.tone} />
    </span>
  );
}

function Axis({ range }: { range: Span }) {
  const isLong = range.until - range.from > 2 * 86_400_000;
  return (
    <div className="relative h-4 font-mono text-[11px] text-ink-faint" aria-hidden="true">
      {ticksOf(range, 5).map((tick) => (
        <span
          key={tick}
          className="-translate-x-1/2 absolute"
          style={{ left: `${Math.min(96, Math.max(4, shareOf(tick, range)))}%` }}
        >
          {isLong ? formatDate(tick).slice(5) : formatClock(tick).slice(0, 5)}
        </span>
      ))}
    </div>
  );
}

function Cursor({ at, range, recovery }: { at: number; range: Span; recovery: Recovery }) {
  const share = shareOf(at, range);
  const isGood = isRestorable(at, recovery);
  return (
    <span
      aria-hidden="true"
      className={cx("pointer-events-none absolute top-0 bottom-4 w-px", isGood ? "bg-ink" : "bg-bad")}
      style={{ left: `${share}%` }}
    >
      <span
        className={cx(
          "absolute top-0 whitespace-nowrap rounded border bg-raised px-1 font-mono text-[11px] shadow-lift",
          isGood ? "border-line-strong" : "border-bad text-bad",
          share > 50 ? "right-1" : "left-1",
        )}
      >
        {formatDateTime(at)}
      </span>
    </span>
  );
}
