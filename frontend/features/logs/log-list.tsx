"use client";
import Link from "next/link";
import type { RefObject } from "react";
import type { LogRecord } from "@/api/types";
import { formatClock, formatDateTime } from "@/lib/format";
import { traceLink } from "@/lib/links";
import { cx } from "@/ui/cx";
import { TracesIcon } from "@/ui/icons";
import { exceptionOf, headline, type Severity, severityOf } from "./model";

const INKS: Readonly<Record<Severity, string>> = {
  fatal: "text-bad font-semibold",
  error: "text-bad font-semibold",
  warn: "text-warn font-semibold",
  info: "text-ink-soft",
  debug: "text-ink-faint",
  trace: "text-ink-faint",
};
const EDGES: Readonly<Record<Severity, string>> = {
  fatal: "border-l-bad bg-bad-soft",
  error: "border-l-bad",
  warn: "border-l-warn",
  info: "border-l-line",
  debug: "border-l-transparent",
  trace: "border-l-transparent",
};

export function SeverityWord({ severity }: { severity: Severity }) {
  return <span className={cx("font-mono text-[12px] uppercase", INKS[severity])}>{severity}</span>;
}

type Props = {
  records: readonly LogRecord[];
  label: string;
  onOpen: (record: LogRecord) => void;
  selected?: string | null;
  withTraceLinks?: boolean;
  list?: RefObject<HTMLOListElement | null>;
};

/** One line an entry; a row opens the whole of it. */
export function LogList({ records, label, onOpen, selected = null, withTraceLinks = false, list }: Props) {
  return (
    <ol ref={list} aria-label={label}>
      {records.map((record) => (
        <LogRow
          key={record.id}
          record={record}
          isSelected={record.id === selected}
          withTraceLink={withTraceLinks}
          onOpen={onOpen}
        />
      ))}
    </ol>
  );
}

type RowProps = {
  record: LogRecord;
  isSelected: boolean;
  withTraceLink: boolean;
  onOpen: (record: LogRecord) => void;
};

function LogRow({ record, isSelected, withTraceLink, onOpen }: RowProps) {
  const severity = severityOf(record);
  const exception = exceptionOf(record);
  return (
    <li
      className={cx(
        "row flex items-start border-line border-b border-l-2 last:border-b-0",
        EDGES[severity],
        isSelected && "bg-accent-soft",
      )}
    >
      <button
        type="button"
        data-row={record.id}
        aria-haspopup="dialog"
        onClick={() => onOpen(record)}
        className="grid min-w-0 flex-1 grid-cols-[6.5rem_3.5rem_minmax(0,1fr)] gap-x-2 px-2 py-1 text-left hover:bg-sunken focus-visible:-outline-offset-2 md:grid-cols-[6.5rem_3.5rem_8rem_minmax(0,1fr)]"
      >
        <time
          dateTime={record.timestamp}
          title={formatDateTime(record.timestamp, true)}
          className="font-mono text-[12px] text-ink-faint leading-5"
        >
          {formatClock(record.timestamp, true)}
        </time>
        <SeverityWord severity={severity} />
        <span className="truncate text-[12.5px] text-ink-soft">{record.service}</span>
        <span className="col-span-full min-w-0 break-all font-mono text-[12.5px] max-md:line-clamp-3 md:col-auto md:truncate">
          {headline(record.body) || <i className="text-ink-faint">empty</i>}
          {exception ? <span className="text-ink-faint"> {exception}</span> : null}
        </span>
      </button>
      {withTraceLink ? <TraceLinkOf record={record} /> : null}
    </li>
  );
}

function TraceLinkOf({ record }: { record: LogRecord }) {
  if (!record.trace_id) return <span className="w-8 shrink-0" />;
  return (
    <Link
      href={traceLink(record.trace_id, record.span_id)}
      aria-label="Open its trace"
      title="Open its trace"
      className="flex w-8 shrink-0 justify-center py-1.5 text-ink-faint hover:text-accent"
    >
      <TracesIcon />
    </Link>
  );
}
