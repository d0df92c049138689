"use client";
import { useSearchParams } from "next/navigation";
import type { Trace } from "@/api/types";
import { TraceLogs } from "@/features/logs/trace-logs";
import { Freshness } from "@/features/shell/freshness";
import { Shell } from "@/features/shell/shell";
import { formatDateTime, formatDuration, plural } from "@/lib/format";
import { logsLink } from "@/lib/links";
import { Badge, ColourMark, Status } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { isArriving, titleOf } from "./model";
import { TRACE_MS, useTrace } from "./queries";
import { SpanExplorer } from "./span-explorer";

export function TracePage() {
  const id = useSearchParams().get("id") ?? "";
  const trace = useTrace(id);
  const data = trace.data;
  const isMoving = data !== undefined && isArriving(data, Date.now());
  return (
    <Shell title={data ? titleOf(data) : "Trace"} tools={data ? <TraceTools trace={data} /> : null}>
      {id === "" ? (
        <EmptyState title="No trace was asked for">
          Open one from the list of traces, or from a log line.
        </EmptyState>
      ) : null}
      {trace.error && !data ? (
        <ErrorState problem={trace.error} onRetry={() => void trace.refetch()} />
      ) : null}
      {id !== "" && trace.isPending ? <SkeletonRows rows={12} label="the trace" /> : null}
      <Freshness updatedAt={isMoving ? trace.dataUpdatedAt : 0} interval_ms={TRACE_MS} />
      {data ? (
        <>
          <Summary trace={data} />
          <SpanExplorer trace={data} />
          <TraceLogs trace={data} interval_ms={isMoving ? TRACE_MS : false} />
        </>
      ) : null}
    </Shell>
  );
}

function TraceTools({ trace }: { trace: Trace }) {
  const start = Date.parse(trace.start);
  const range = { kind: "fixed", from: start - 300_000, to: start + trace.duration_ms + 300_000 } as const;
  return <LinkButton href={logsLink(range, { traceId: trace.trace_id })}>Its lines in Logs</LinkButton>;
}

/** When, how long, how many, and the request through the edge that the trace belongs to. */
function Summary({ trace }: { trace: Trace }) {
  const errors = trace.spans.filter((span) => span.status === "error").length;
  const services = new Set(trace.spans.map((span) => span.service)).size;
  return (
    <Card title="Summary" testId="trace-summary" aside={<Badge>{trace.trace_id}</Badge>}>
      <dl className="flex flex-wrap gap-x-8 gap-y-2 text-[13px]">
        <Figure name="Outcome">
          <Status tone={errors > 0 ? "bad" : "ok"}>
            {errors > 0 ? plural(errors, "failed span") : "no failed span"}
          </Status>
        </Figure>
        <Figure name="Began">{formatDateTime(trace.start, true)}</Figure>
        <Figure name="Took">{formatDuration(trace.duration_ms)}</Figure>
        <Figure name="Spans">
          {plural(trace.spans.length, "span")} of {plural(services, "service")}
        </Figure>
        {trace.edge ? (
          <Figure name="Request through the edge">
            <span className="font-mono">
              {trace.edge.method} {trace.edge.path}
            </span>{" "}
            <Badge look={trace.edge.status >= 500 ? "bad" : "plain"}>{trace.edge.status}</Badge>{" "}
            {formatDuration(trace.edge.duration_ms)}
          </Figure>
        ) : null}
        {trace.edge?.release ? (
          <Figure name="Release">
            <span className="flex flex-wrap items-center gap-2">
              <Badge>{trace.edge.release}</Badge>
              {trace.edge.colour ? <ColourMark colour={trace.edge.colour} /> : null}
            </span>
          </Figure>
        ) : null}
      </dl>
    </Card>
  );
}

function Figure({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="eyebrow">{name}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}
