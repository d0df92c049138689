"use client";
import { useEffect, useRef } from "react";
import type { ReleaseDetail } from "@/api/types";
import { formatClock } from "@/lib/format";
import { Status, type Tone } from "@/ui/badge";
import { Card } from "@/ui/card";
import { cx } from "@/ui/cx";
import { isOver, type JournalLine, journalLines } from "./model";
import { useJournal } from "./queries";

const TONES: Readonly<Record<string, Tone>> = { done: "ok", failed: "bad", intent: "pending", note: "idle" };

/** The journal, line by line as it is written, and what is left to do. */
export function JournalCard({ detail }: { detail: ReleaseDetail }) {
  const { operation, left } = detail;
  const { entries, isUp } = useJournal(operation, detail.entries);
  const lines = journalLines(entries);
  const list = useRef<HTMLOListElement>(null);
  const isLive = !isOver(operation.state);
  const newest = lines.at(-1)?.seq;
  useEffect(() => {
    const element = list.current;
    if (isLive && element && newest !== undefined) element.scrollTop = element.scrollHeight;
  }, [isLive, newest]);
  return (
    <Card
      title="Journal"
      flush
      testId="journal"
      aside={isLive ? <Status tone={isUp ? "ok" : "pending"}>{isUp ? "live" : "connecting"}</Status> : null}
    >
      {lines.length + left.length === 0 ? (
        <p className="px-3 py-3 text-[13px] text-ink-soft">
          {isLive ? "Nothing was begun yet." : "Nothing was begun."}
        </p>
      ) : null}
      <ol
        ref={list}
        aria-label="Steps"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
        tabIndex={0}
        className="max-h-96 overflow-y-auto py-1.5 font-mono text-[12px]"
      >
        {lines.map((line) => (
          <Line key={line.seq} line={line} />
        ))}
        {left.map((step) => (
          <li key={step} className="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-x-3 px-3 py-0.5 text-ink-faint">
            <span>to do</span>
            <span>{step}</span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

function Line({ line }: { line: JournalLine }) {
  const isNote = line.phase === "note";
  return (
    <li className="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-x-3 px-3 py-0.5">
      <span className="text-ink-faint">{formatClock(line.at)}</span>
      <span className={cx("flex min-w-0 flex-wrap items-baseline gap-x-2", isNote && "pl-5 text-ink-soft")}>
        {isNote ? null : <Status tone={TONES[line.phase] ?? "idle"}>{line.step}</Status>}
        <span className="min-w-0 break-words text-ink-soft">{line.text}</span>
        {line.times > 1 ? <span className="text-ink-faint">× {line.times}</span> : null}
      </span>
    </li>
  );
}
