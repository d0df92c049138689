"use client";
import { useMemo, useRef, useState } from "react";
import type { LogRecord } from "@/api/types";
import { FacetPanel } from "@/features/search/facet-panel";
import { FieldsBeside, FieldsButton } from "@/features/search/fields-beside";
import { QueryField } from "@/features/search/query-field";
import { Freshness } from "@/features/shell/freshness";
import { LiveListFrame, useIsReading } from "@/features/shell/live-list";
import { LiveMark } from "@/features/shell/live-mark";
import { LiveTools } from "@/features/shell/live-tools";
import { ServiceSelect } from "@/features/shell/service-select";
import { Shell } from "@/features/shell/shell";
import { LIVE_LIST_MS, useLiveList } from "@/features/shell/use-live-list";
import { usePageState } from "@/features/shell/use-page-state";
import { SavedViews } from "@/features/views/saved-views";
import { neighbourOf } from "@/lib/live-list";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Chip } from "@/ui/chip";
import { Segmented } from "@/ui/segmented";
import { Select } from "@/ui/select";
import { EmptyState, HowToSend } from "@/ui/states";
import { useRowKeys } from "@/ui/use-row-keys";
import { LogHistogram } from "./histogram-chart";
import { LogDrawer } from "./log-drawer";
import { LogList } from "./log-list";
import { isNarrowed, type LogQuery, logQueryFromParams, narrowed } from "./model";
import { PatternList } from "./pattern-list";
import { logSource, useFacets } from "./queries";

const LEVELS = [
  { value: "", label: "Any severity" },
  { value: "debug", label: "Debug and above" },
  { value: "info", label: "Info and above" },
  { value: "warn", label: "Warnings and above" },
  { value: "error", label: "Errors and above" },
  { value: "fatal", label: "Fatal only" },
];

const VIEWS = [
  { value: "lines", label: "Lines" },
  { value: "patterns", label: "Patterns" },
] as const;

export function LogsPage() {
  const { params, range, change, changeRange } = usePageState();
  const isPatterns = params.get("view") === "patterns";
  const query = useMemo(() => logQueryFromParams(new URLSearchParams(params)), [params]);
  const [isPaused, setPaused] = useState(false);
  return (
    <Shell
      title="Logs"
      tools={
        <>
          <SavedViews page="logs" />
          <LiveTools range={range} onRange={changeRange} isPaused={isPaused} onPause={setPaused} />
        </>
      }
    >
      <Filters query={query} isPaused={isPaused} />
      <FieldsBeside fields={<Fields query={query} isPaused={isPaused} />}>
        <div>
          <Segmented
            label="View of the lines"
            value={isPatterns ? "patterns" : "lines"}
            options={VIEWS}
            onChange={(view) => change({ view: view === "patterns" ? view : null })}
          />
        </div>
        {isPatterns ? (
          <Patterns query={query} isPaused={isPaused} />
        ) : (
          <Lines query={query} isPaused={isPaused} />
        )}
      </FieldsBeside>
    </Shell>
  );
}

type Change = ReturnType<typeof usePageState>["change"];

function Patterns({ query, isPaused }: Part) {
  const { range, change } = usePageState();
  return (
    <PatternList
      query={query}
      range={range}
      isPaused={isPaused}
      onSearch={(q) => change({ q, view: null })}
    />
  );
}

type Part = { query: LogQuery; isPaused: boolean };

function Fields({ query, isPaused }: Part) {
  const { range, change } = usePageState();
  const facets = useFacets(query, range, isPaused);
  return <FacetPanel facets={facets} q={query.q ?? ""} noun="lines" onSearch={(q) => change({ q })} />;
}

function Filters({ query, isPaused }: Part) {
  const { params, change } = usePageState();
  const without = (gone: string) => query.attribute.filter((attribute) => attribute !== gone);
  return (
    <search className="flex flex-wrap items-center gap-2">
      <QueryField
        signals="logs"
        label="Search the lines"
        placeholder='Search: words, "a phrase", status:>=500, -path:/health'
        value={query.q ?? ""}
        onChange={(q) => change({ q })}
        className="min-w-full flex-1 sm:min-w-80"
      />
      <ServiceSelect value={params.get("service")} onChange={(service) => change({ service })} />
      <Select
        label="Severity"
        value={query.severity_min ?? ""}
        options={LEVELS}
        onChange={(severity) => change({ severity })}
      />
      <FieldsButton fields={<Fields query={query} isPaused={isPaused} />} />
      {query.trace_id ? (
        <Chip text={`trace ${query.trace_id}`} onRemove={() => change({ trace_id: null })} />
      ) : null}
      {query.attribute.map((attribute) => (
        <Chip key={attribute} text={attribute} onRemove={() => change({ attr: without(attribute) })} />
      ))}
    </search>
  );
}

function Lines({ query, isPaused }: Part) {
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
    <div className="flex min-w-0 flex-col gap-3">
      <Freshness updatedAt={list.liveSince} interval_ms={LIVE_LIST_MS} />
      <Card
        title="Lines, newest first"
        flush
        testId="logs"
        aside={<LiveMark isLive={list.isLive} isTailed={list.isTailed} />}
      >
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
        onFilter={(key, value, choice) => {
          setOpen(null);
          change(narrowed(query, key, value, choice));
        }}
        onTrace={(traceId) => {
          setOpen(null);
          change({ trace_id: traceId });
        }}
      />
    </div>
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
