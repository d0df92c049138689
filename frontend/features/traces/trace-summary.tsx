import type { ReactNode } from "react";
import type { Trace } from "@/api/types";
import { formatDateTime, formatDuration, plural } from "@/lib/format";
import { Badge, ColourMark, Status } from "@/ui/badge";
import { Card } from "@/ui/card";

/** When, how long, how many, and the request through the edge that the trace belongs to. */
export function TraceSummary({ trace }: { trace: Trace }) {
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
          {plural(trace.total_spans, "span")} of {plural(services, "service")}
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

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="eyebrow">{name}</dt>
      <dd className="break-words">{children}</dd>
    </div>
  );
}
