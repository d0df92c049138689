"use client";
import { useMemo, useRef, useState } from "react";
import type { LogRecord } from "@/api/types";
import { Freshness } from "@/features/shell/freshness";
import { LiveListFrame, useIsReading } from "@/features/shell/live-list";
import { LiveTools } from "@/features/shell/live-tools";
import { ServiceSelect } from "@/features/shell/service-select";
import { Shell } from "@/features/shell/shell";
import { LIVE_LIST_MS, useLiveList } from "@/features/shell/use-live-list";
import { usePageState } from "@/features/shell/use-page-state";
import { neighbourOf } from "@/lib/live-list";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Chip } from "@/ui/chip";
import { SearchField } from "@/ui/search-field";
import { Select } from "@/ui/select";
import { EmptyState, HowToSend } from "@/ui/states";
import { useRowKeys } from "@/ui/use-row-keys";
import { LogHistogram } from "./histogram-chart";
import { LogDrawer } from "./log-drawer";
import { LogList } from "./log-list";
import { isNarrowed, type LogQuery, logQueryFromParams } from "./model";
import { logSource } from "./queries";

const LEVELS = [
  { value: "", label: "Any severity" },
  { value: "debug", label: "Debug and above" },
  { value: "info", label: "Info and above" },
  { value: "warn", label: "Warnings and above" },
  { value: "error", label: "Errors and above" },
  { value: "fatal", label: "Fatal only" },
];

export function LogsPage() {
  const { params, range, changeRange } = usePageState();
  const query = useMemo(() => logQueryFromParams(new URLSearchParams(params)), [params]);
  const [isPaused, setPaused] = useState(false);
  return (
    <Shell
      title="Logs"
      tools={<LiveTools range={range} onRange={changeRange} isPaused={isPaused} onPause={setPaused} />}
    >
      <Filters query={query} />
      <Lines query={query} isPaused={isPaused} />
    </Shell>
  );
}

type Change = ReturnType<typeof usePageState>["change"];

function Filters({ query }: { query: LogQuery }) {
  const { params, change } = usePageState();
  const search = useMemo(() => (q: string) => change({ q }), [change]);
  const without = (gone: string) => query.attribute.filter((attribute) => attribute !== gone);
  return (
    <search className="flex flex-wrap items-center gap-2">
      <SearchField
        label="Search the text"
        placeholder='Search: words, "a phrase", status:>=500, -path:/health'
        value={query.q ?? ""}
        onChange={search}
        className="min-w-40 flex-1 basis-60"
      />
      <ServiceSelect value={params.get("service")} onChange={(service) => change({ service })} />
      <Select
        label="Severity"
        value={query.severity_min ?? ""}
        options={LEVELS}
        onChange={(severity) => change({ severity })}
      />
      {query.trace_id ? (
        <Chip text={`trace ${query.trace_id}`} onRemove={() => change({ trace_id: null })} />
      ) : null}
      {query.attribute.map((attribute) => (
        <Chip key={attribute} text={attribute} onRemove={() => change({ attr: without(attribute) })} />
      ))}
    </search>
  );
}

function Lines({ query, isPaused }: { query: LogQuery; isPaused: boolean }) {
  const { range, change, changeRange } = usePageState();
  const source = useMemo(() => logSource(query), [query]);
  const rows = useRef<HTMLOListElement>(null);
  const [open, setOpen] = useState<LogRecord | null>(null);
  const isReading = useIsReading(rows);
  const list = useLiveList(source, range, { isPaused, isHeld: isReading || open !== null });
  useRowKeys(rows);
  const close = () => {
    setOpen(null);
    rows.current?.querySelector<HTMLElement>(`[data-row="${open?.id}"]`)?.focus();
  };
  return (
    <>
      <Freshness updatedAt={list.liveSince} interval_ms={LIVE_LIST_MS} />
      <Card title="Lines, newest first" flush testId="logs">
        <LogHistogram query={query} range={range} isPaused={isPaused} onRange={changeRange} />
        <LiveListFrame list={list} noun="lines" empty={<Nothing query={query} change={change} />}>
          <LogList
            label="Log lines"
            records={list.items}
            list={rows}
            selected={open?.id ?? null}
            onOpen={setOpen}
            withTraceLinks
          />
        </LiveListFrame>
      </Card>
      <LogDrawer
        record={open}
        onClose={close}
        onStep={(step) => setOpen(neighbourOf(list.items, open?.id ?? null, step, source.idOf) ?? open)}
        onFilter={(key, value) => {
          setOpen(null);
          change({ attr: [...query.attribute, `${key}=${value}`] });
        }}
        onTrace={(traceId) => {
          setOpen(null);
          change({ trace_id: traceId });
        }}
      />
    </>
  );
}

function Nothing({ query, change }: { query: LogQuery; change: Change }) {
  if (!isNarrowed(query)) {
    return (
      <EmptyState title="No log lines in this time">
        <HowToSend />
      </EmptyState>
    );
  }
  const clear = { q: null, service: null, severity: null, trace_id: null, attr: null };
  return (
    <EmptyState title="No line of this time fits these filters">
      <Button onClick={() => change(clear)}>Clear the filters</Button>
    </EmptyState>
  );
}
