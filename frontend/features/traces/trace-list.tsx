"use client";
import Link from "next/link";
import type { RefObject } from "react";
import type { TraceSummary } from "@/api/types";
import { formatClock, formatCount, formatDateTime, formatDuration, plural } from "@/lib/format";
import { traceLink } from "@/lib/links";
import { Status } from "@/ui/badge";
import { cx } from "@/ui/cx";

type Props = { traces: readonly TraceSummary[]; list: RefObject<HTMLOListElement | null> };

/** One line a trace; its bar compares it with the longest that is shown. */
export function TraceList({ traces, list }: Props) {
  const longest = Math.max(...traces.map((trace) => trace.duration_ms), 0.001);
  return (
    <ol ref={list} aria-label="Traces">
      {traces.map((trace) => (
        <TraceRow key={trace.trace_id} trace={trace} longest_ms={longest} />
      ))}
    </ol>
  );
}

const COLUMNS = "md:grid-cols-[6.5rem_minmax(0,1fr)_7rem_4.5rem_12rem]";

function TraceRow({ trace, longest_ms }: { trace: TraceSummary; longest_ms: number }) {
  const hasFailed = trace.status === "error";
  return (
    <li className="row border-line border-b last:border-b-0">
      <Link
        href={traceLink(trace.trace_id)}
        prefetch={false}
        data-row={trace.trace_id}
        className={cx(
          "grid grid-cols-[6.5rem_minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 border-l-2 px-2 py-1 hover:bg-sunken focus-visible:-outline-offset-2",
          COLUMNS,
          hasFailed ? "border-l-bad" : "border-l-line",
        )}
      >
        <time
          dateTime={trace.start}
          title={formatDateTime(trace.start, true)}
          className="font-mono text-[12px] text-ink-faint"
        >
          {formatClock(trace.start, true)}
        </time>
        <span className="col-span-full row-start-2 min-w-0 truncate md:col-span-1 md:row-start-auto">
          <span className="text-ink-soft">{trace.root_service}</span>{" "}
          <span className="font-medium">{trace.root_name}</span>
        </span>
        <span className="flex items-center justify-end gap-2 md:contents">
          <Outcome errors={trace.errors} />
          <span className="text-[12.5px] text-ink-faint max-md:hidden">{plural(trace.spans, "span")}</span>
        </span>
        <Length duration_ms={trace.duration_ms} longest_ms={longest_ms} />
      </Link>
    </li>
  );
}

function Outcome({ errors }: { errors: number }) {
  if (errors === 0) return <span className="text-[12.5px] text-ink-faint max-md:sr-only">ok</span>;
  return (
    <span className="text-[12.5px]">
      <Status tone="bad">
        {formatCount(errors)} {errors === 1 ? "error" : "errors"}
      </Status>
    </span>
  );
}

function Length({ duration_ms, longest_ms }: { duration_ms: number; longest_ms: number }) {
  const width = `${Math.max((duration_ms / longest_ms) * 100, 1)}%`;
  return (
    <span className="flex items-center justify-end gap-2">
      <span aria-hidden="true" className="hidden h-1.5 flex-1 md:block">
        <span className="block h-full rounded-sm bg-accent" style={{ width }} />
      </span>
      <span className="w-16 shrink-0 text-right font-mono text-[12.5px]">{formatDuration(duration_ms)}</span>
    </span>
  );
}
