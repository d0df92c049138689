"use client";
import { useMemo } from "react";
import type { Trace } from "@/api/types";
import { TraceLogs } from "@/features/logs/trace-logs";
import { Freshness } from "@/features/shell/freshness";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { formatClock, formatCount, plural } from "@/lib/format";
import { logsLink } from "@/lib/links";
import { type TimeRange, windowOf } from "@/lib/time-range";
import { Button, LinkButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { Segmented } from "@/ui/segmented";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState, StaleBanner } from "@/ui/states";
import { FlameView } from "./flame-view";
import { isArriving, type TraceQuery, titleOf, traceQueryFromParams } from "./model";
import { TRACE_MS, useFlame, useTrace, useTraceSet } from "./queries";
import { SpanExplorer } from "./span-explorer";
import { TraceSummary } from "./trace-summary";

/** A trace by its id, or the newest of those that the filters in the address stand for. */
export function TracePage() {
  const { params, range, change } = usePageState();
  const query = useMemo(() => traceQueryFromParams(new URLSearchParams(params)), [params]);
  const asked = params.get("id");
  const isSet = range.kind === "fixed";
  const set = useTraceSet(query, range, isSet);
  const ids = set.data?.items.map((trace) => trace.trace_id) ?? [];
  const id = asked ?? ids[0] ?? "";
  const trace = useTrace(id);
  return (
    <Shell
      title={trace.data ? titleOf(trace.data) : "Trace"}
      tools={trace.data ? <TraceTools trace={trace.data} /> : null}
    >
      {isSet && ids.length > 0 ? (
        <SetSteps ids={ids} id={id} range={range} onStep={(next) => change({ id: next, span: null })} />
      ) : null}
      {id !== "" ? <TraceView trace={trace} /> : null}
      {id === "" && set.error ? <ErrorState problem={set.error} onRetry={() => void set.refetch()} /> : null}
      {id === "" && set.isLoading ? <SkeletonRows rows={12} label="the trace" /> : null}
      {id === "" && !isSet ? (
        <EmptyState title="No trace was asked for">
          Open one from the list of traces, or from a log line.
        </EmptyState>
      ) : null}
      {id === "" && set.data ? <NothingInSet query={query} range={range} /> : null}
    </Shell>
  );
}

function TraceView({ trace }: { trace: ReturnType<typeof useTrace> }) {
  const { data } = trace;
  if (trace.error && !data) {
    return <ErrorState problem={trace.error} onRetry={() => void trace.refetch()} />;
  }
  if (data === undefined) return <SkeletonRows rows={12} label="the trace" />;
  const isMoving = isArriving(data, Date.now());
  return (
    <>
      <Freshness updatedAt={isMoving ? trace.dataUpdatedAt : 0} interval_ms={TRACE_MS} />
      <TraceSummary trace={data} />
      <Gaps trace={data} />
      <Spans trace={data} />
      <TraceLogs trace={data} interval_ms={isMoving ? TRACE_MS : false} />
    </>
  );
}

const VIEWS = [
  { value: "waterfall", label: "Waterfall" },
  { value: "flame", label: "Flame graph" },
] as const;

function Spans({ trace }: { trace: Trace }) {
  const { params, change } = usePageState();
  const view = params.get("view") === "flame" ? "flame" : "waterfall";
  return (
    <>
      <div>
        <Segmented
          label="View of the spans"
          value={view}
          options={VIEWS}
          onChange={(next) => change({ view: next === "flame" ? next : null, frame: null })}
        />
      </div>
      {view === "flame" ? <TraceFlame id={trace.trace_id} /> : <SpanExplorer trace={trace} />}
    </>
  );
}

function TraceFlame({ id }: { id: string }) {
  const flame = useFlame({ traceId: id });
  return (
    <Card title="Flame graph" flush>
      <FlameView flame={flame} />
    </Card>
  );
}

/** What of the trace is not here, and why. */
function Gaps({ trace }: { trace: Trace }) {
  const { missing_parents: parents } = trace;
  if (trace.truncated) {
    return (
      <StaleBanner word="Cut">
        The earliest {formatCount(trace.spans.length)} of {formatCount(trace.total_spans)} spans are shown.
        Their parents may be among the others.
      </StaleBanner>
    );
  }
  if (parents.length === 0) return null;
  return (
    <StaleBanner word="Incomplete">
      {plural(parents.length, "span")} that others name as parent never arrived:{" "}
      {parents.slice(0, 3).join(", ")}
      {parents.length > 3 ? " …" : ""}. Rows below them are marked.
    </StaleBanner>
  );
}

type StepsProps = {
  ids: readonly string[];
  id: string;
  range: TimeRange;
  onStep: (id: string) => void;
};

/** Where this trace stands among those that the address is about. */
function SetSteps({ ids, id, range, onStep }: StepsProps) {
  const at = ids.indexOf(id);
  const { from, to } = windowOf(range, Date.now());
  const step = (to: number) => {
    const next = ids[to];
    if (next !== undefined) onStep(next);
  };
  return (
    <nav
      aria-label="Traces of this time"
      className="flex flex-wrap items-center gap-2 text-[13px] text-ink-soft"
    >
      <Button disabled={at <= 0} onClick={() => step(at - 1)}>
        Newer
      </Button>
      <Button disabled={at < 0 || at >= ids.length - 1} onClick={() => step(at + 1)}>
        Older
      </Button>
      <span>
        {at < 0 ? "not" : at + 1} of {plural(ids.length, "trace")}, {formatClock(from)} to {formatClock(to)}
      </span>
    </nav>
  );
}

function NothingInSet({ query, range }: { query: TraceQuery; range: TimeRange }) {
  const logs = logsLink(range, { service: query.service, severityMin: query.status_min ? "error" : null });
  return (
    <EmptyState title="No trace of this time fits">
      <p className="mb-2">
        The requests may come from services that send no spans. Their log lines are there.
      </p>
      <LinkButton href={logs}>Log lines of this time</LinkButton>
    </EmptyState>
  );
}

function TraceTools({ trace }: { trace: Trace }) {
  const start = Date.parse(trace.start);
  const range = { kind: "fixed", from: start - 300_000, to: start + trace.duration_ms + 300_000 } as const;
  return <LinkButton href={logsLink(range, { traceId: trace.trace_id })}>Its lines in Logs</LinkButton>;
}
