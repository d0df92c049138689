"use client";
import { useState } from "react";
import type { LogRecord, Trace } from "@/api/types";
import { neighbourOf } from "@/lib/live-list";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { LogDrawer } from "./log-drawer";
import { LogList } from "./log-list";
import { MOST_TRACE_LOGS, useTraceLogs } from "./queries";

/** The log lines that were written within a trace, in the order in which they were written. */
export function TraceLogs({ trace, interval_ms }: { trace: Trace; interval_ms: number | false }) {
  const logs = useTraceLogs(trace, interval_ms);
  const [open, setOpen] = useState<LogRecord | null>(null);
  const records = logs.data?.items ?? [];
  return (
    <Card title="Log lines of this trace" flush testId="trace-logs">
      {logs.error && !logs.data ? (
        <ErrorState problem={logs.error} onRetry={() => void logs.refetch()} />
      ) : null}
      {logs.isPending ? <SkeletonRows rows={4} label="log lines" /> : null}
      {logs.data && records.length === 0 ? (
        <EmptyState title="No log line carries the id of this trace">
          A line belongs to a trace when the logger writes <code>trace_id</code>.
        </EmptyState>
      ) : null}
      <LogList
        label="Log lines of this trace"
        records={records}
        selected={open?.id ?? null}
        onOpen={setOpen}
      />
      {logs.data?.next_cursor ? (
        <p className="border-line border-t p-2 text-center text-[12.5px] text-ink-faint">
          The first {MOST_TRACE_LOGS} lines; all of them are in Logs.
        </p>
      ) : null}
      <LogDrawer
        record={open}
        onClose={() => setOpen(null)}
        onStep={(step) =>
          setOpen(neighbourOf(records, open?.id ?? null, step, (record) => record.id) ?? open)
        }
      />
    </Card>
  );
}
