import type { Span } from "@/api/types";
import { sortedAttributes } from "@/lib/attributes";
import { formatClock, formatDuration } from "@/lib/format";
import { traceLink } from "@/lib/links";
import { Attributes, Section } from "@/ui/attributes";
import { Badge, Status } from "@/ui/badge";
import { LinkButton } from "@/ui/button";
import { failureOf } from "./model";

/** All that is known of one span. */
export function SpanDetails({ span }: { span: Span }) {
  const failure = failureOf(span);
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center gap-2 text-[13px]">
        <Status tone={span.status === "error" ? "bad" : span.status === "ok" ? "ok" : "idle"}>
          {span.status === "unset" ? "no status" : span.status}
        </Status>
        <span>{span.service}</span>
        <Badge>{span.kind}</Badge>
        <span className="font-mono">{formatDuration(span.duration_ms)}</span>
        <span className="text-ink-faint">at +{formatDuration(span.offset_ms)}</span>
      </div>
      {failure ? <p className="border-bad border-l-2 pl-2 text-[13px] text-bad">{failure}</p> : null}
      <Events span={span} />
      <Links span={span} />
      <Attributes label="Attributes" attributes={span.attributes} />
      <Attributes label="Resource" attributes={span.resource} />
      <p className="font-mono text-[12px] text-ink-faint">span {span.span_id}</p>
    </div>
  );
}

function Events({ span }: { span: Span }) {
  return span.events.map((event) => (
    <Section key={`${event.t}-${event.name}`} title={`Event ${event.name}, ${formatClock(event.t, true)}`}>
      <dl className="flex flex-col gap-1 rounded border border-line bg-sunken p-2">
        {sortedAttributes(event.attributes).map(([key, value]) => (
          <div key={key}>
            <dt className="font-mono text-[12px] text-ink-soft">{key}</dt>
            <dd className="max-h-60 overflow-auto whitespace-pre-wrap break-words font-mono text-[12px]">
              {value}
            </dd>
          </div>
        ))}
      </dl>
    </Section>
  ));
}

function Links({ span }: { span: Span }) {
  if (span.links.length === 0) return null;
  return (
    <Section title="Links">
      {span.links.map((link) => (
        <LinkButton key={`${link.trace_id}${link.span_id}`} href={traceLink(link.trace_id, link.span_id)}>
          <span className="truncate font-mono">trace {link.trace_id}</span>
        </LinkButton>
      ))}
    </Section>
  );
}
