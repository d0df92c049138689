"use client";
import { useMemo } from "react";
import type { ExceptionDetail, ExceptionOccurrence } from "@/api/types";
import { Freshness } from "@/features/shell/freshness";
import { usePageState } from "@/features/shell/use-page-state";
import { formatCompact, formatDateTime, plural } from "@/lib/format";
import { logsLink, traceLink } from "@/lib/links";
import { selection, type TimeRange } from "@/lib/time-range";
import { Badge, ColourMark } from "@/ui/badge";
import { Button, LinkButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { Chart } from "@/ui/chart/chart";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { countsOf, headlineOf, linesWith, nameOf } from "./model";
import { EXCEPTIONS_MS, useErrorGroup } from "./queries";

type Props = { id: string; range: TimeRange; isPaused: boolean };

/** One group of exceptions: when it happened, and its newest occurrences with their stack traces. */
export function GroupDetail({ id, range, isPaused }: Props) {
  const { change } = usePageState();
  const detail = useErrorGroup(id, range, isPaused);
  const isLive = range.kind === "last" && !isPaused;
  return (
    <>
      <Freshness updatedAt={isLive ? detail.dataUpdatedAt : 0} interval_ms={EXCEPTIONS_MS} />
      <div>
        <Button onClick={() => change({ group: null })}>All exceptions</Button>
      </div>
      {detail.error && !detail.data ? (
        <ErrorState problem={detail.error} onRetry={() => void detail.refetch()} />
      ) : null}
      {detail.isPending ? <SkeletonRows rows={12} label="the exception" /> : null}
      {detail.data ? <Detail detail={detail.data} range={range} /> : null}
    </>
  );
}

function Detail({ detail, range }: { detail: ExceptionDetail; range: TimeRange }) {
  const { changeRange } = usePageState();
  const { group, occurrences } = detail;
  const { name, of } = nameOf(group);
  const search = linesWith(group);
  const { times, values } = useMemo(() => countsOf(detail), [detail]);
  const series = useMemo(() => [{ label: "occurrences", token: "bad", values }], [values]);
  return (
    <>
      <Card
        title={<span className="text-bad">{name}</span>}
        testId="exception"
        aside={
          <span className="flex flex-wrap gap-2">
            {group.trace_id ? (
              <LinkButton href={traceLink(group.trace_id)}>Its newest trace</LinkButton>
            ) : null}
            {search ? <LinkButton href={logsLink(range, { q: search })}>Its log lines</LinkButton> : null}
          </span>
        }
      >
        <p className="wrap-anywhere font-mono text-[13px]">{headlineOf(group) || "no message"}</p>
        <p className="mt-1 flex flex-wrap items-center gap-x-3 gap-y-1 text-[12.5px] text-ink-soft">
          <span>{group.service}</span>
          {of ? <span className="font-mono">{of}</span> : null}
          <span>{plural(group.occurrences, "occurrence")}</span>
          <span>first {formatDateTime(group.first_seen)}</span>
          <span>last {formatDateTime(group.last_seen)}</span>
          {group.releases.map((release) => (
            <Badge key={release}>{release}</Badge>
          ))}
        </p>
        <div className="mt-3">
          <Chart
            label="Occurrences over time; arrows move"
            times={times}
            series={series}
            format={formatCompact}
            height={130}
            onSelect={(from, to) => changeRange(selection(from, to))}
          />
        </div>
      </Card>
      <Card title="Newest occurrences" flush testId="occurrences">
        <ol>
          {occurrences.map((each, at) => (
            <Occurrence key={`${each.t}${each.span_id}${each.source}`} of={each} isOpen={at === 0} />
          ))}
        </ol>
      </Card>
    </>
  );
}

function Occurrence({ of, isOpen }: { of: ExceptionOccurrence; isOpen: boolean }) {
  return (
    <li className="border-line border-b last:border-b-0">
      <details open={isOpen}>
        <summary className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-1.5 text-[12.5px] hover:bg-sunken">
          <time dateTime={of.t} className="font-mono text-[12px] text-ink-faint">
            {formatDateTime(of.t, true)}
          </time>
          <span className="min-w-0 flex-1 truncate font-mono">{of.message}</span>
          <span className="text-ink-faint">from a {of.source}</span>
          {of.release ? <Badge>{of.release}</Badge> : null}
          {of.colour ? <ColourMark colour={of.colour} /> : null}
        </summary>
        <div className="flex flex-col gap-2 px-3 pb-3">
          {of.trace_id ? (
            <div>
              <LinkButton href={traceLink(of.trace_id, of.span_id)}>Open its trace</LinkButton>
            </div>
          ) : null}
          <pre className="max-h-[50vh] overflow-auto whitespace-pre-wrap break-words rounded border border-line bg-sunken p-2 font-mono text-[12px]">
            {of.stacktrace || of.message || "It came without a stack trace."}
          </pre>
        </div>
      </details>
    </li>
  );
}
