"use client";
import { useMemo, useRef, useState } from "react";
import { FacetPanel } from "@/features/search/facet-panel";
import { FieldsBeside, FieldsButton } from "@/features/search/fields-beside";
import { QueryField } from "@/features/search/query-field";
import { Freshness } from "@/features/shell/freshness";
import { LiveListFrame, useIsReading } from "@/features/shell/live-list";
import { LiveTools } from "@/features/shell/live-tools";
import { ServiceSelect } from "@/features/shell/service-select";
import { Shell } from "@/features/shell/shell";
import { LIVE_LIST_MS, useLiveList } from "@/features/shell/use-live-list";
import { usePageState } from "@/features/shell/use-page-state";
import { SavedViews } from "@/features/views/saved-views";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Chip } from "@/ui/chip";
import { SearchField } from "@/ui/search-field";
import { Segmented } from "@/ui/segmented";
import { EmptyState, HowToSend } from "@/ui/states";
import { useRowKeys } from "@/ui/use-row-keys";
import { FlameView } from "./flame-view";
import { isNarrowed, type TraceQuery, traceQueryFromParams } from "./model";
import { traceSource, useFlame, useTraceFacets } from "./queries";
import { TraceList } from "./trace-list";

export function TracesPage() {
  const { params, range, change, changeRange } = usePageState();
  const isFlame = params.get("view") === "flame";
  const query = useMemo(() => traceQueryFromParams(new URLSearchParams(params)), [params]);
  const [isPaused, setPaused] = useState(false);
  return (
    <Shell
      title="Traces"
      tools={
        <>
          <SavedViews page="traces" />
          <LiveTools range={range} onRange={changeRange} isPaused={isPaused} onPause={setPaused} />
        </>
      }
    >
      <Filters query={query} isPaused={isPaused} />
      <FieldsBeside fields={<Fields query={query} isPaused={isPaused} />}>
        <div>
          <Segmented
            label="View of the traces"
            value={isFlame ? "flame" : "list"}
            options={VIEWS}
            onChange={(view) => change({ view: view === "flame" ? view : null, frame: null })}
          />
        </div>
        {isFlame ? <Flame query={query} /> : <Traces query={query} isPaused={isPaused} />}
      </FieldsBeside>
    </Shell>
  );
}

const VIEWS = [
  { value: "list", label: "List" },
  { value: "flame", label: "Flame graph" },
] as const;

function Flame({ query }: { query: TraceQuery }) {
  const { range } = usePageState();
  const flame = useFlame({ query, range });
  return (
    <Card title="Where the time of the newest hundred traces goes" flush>
      <FlameView flame={flame} />
    </Card>
  );
}

type Change = ReturnType<typeof usePageState>["change"];
const OUTCOMES = [
  { value: "all", label: "All" },
  { value: "failed", label: "Failed", name: "Answered with 500 or more" },
  { value: "errors", label: "With errors", name: "Some span failed, however it was answered" },
] as const;

type Part = { query: TraceQuery; isPaused: boolean };

function Fields({ query, isPaused }: Part) {
  const { range, change } = usePageState();
  const facets = useTraceFacets(query, range, isPaused);
  return <FacetPanel facets={facets} q={query.q ?? ""} noun="traces" onSearch={(q) => change({ q })} />;
}

function Filters({ query, isPaused }: Part) {
  const { params, change } = usePageState();
  const onLeast = useMemo(() => (least: string) => change({ min_ms: least }, "replace"), [change]);
  return (
    <search className="flex flex-wrap items-center gap-2">
      <QueryField
        signals="traces"
        label="Search the spans"
        placeholder="Search: name:checkout*, status:>=500, duration:>250ms, error:true"
        value={query.q ?? ""}
        onChange={(q) => change({ q })}
        className="min-w-full flex-1 sm:min-w-80"
      />
      <ServiceSelect value={params.get("service")} onChange={(service) => change({ service })} />
      <SearchField
        label="At least this many milliseconds"
        placeholder="From … ms"
        inputMode="numeric"
        value={query.min_duration_ms === null ? "" : String(query.min_duration_ms)}
        onChange={onLeast}
        className="w-32"
      />
      <Segmented
        label="Outcome"
        value={query.status_min ? "failed" : query.errors_only ? "errors" : "all"}
        options={OUTCOMES}
        onChange={(outcome) => change({ outcome: outcome === "all" ? null : outcome })}
      />
      <FieldsButton fields={<Fields query={query} isPaused={isPaused} />} />
      {query.route ? <Chip text={`route ${query.route}`} onRemove={() => change({ route: null })} /> : null}
    </search>
  );
}

function Traces({ query, isPaused }: Part) {
  const { range, change } = usePageState();
  const source = useMemo(() => traceSource(query), [query]);
  const rows = useRef<HTMLOListElement>(null);
  const isHeld = useIsReading(rows);
  const list = useLiveList(source, range, { isPaused, isHeld });
  useRowKeys(rows);
  return (
    <>
      <Freshness updatedAt={list.liveSince} interval_ms={LIVE_LIST_MS} />
      <Card title="Traces, newest first" flush testId="traces">
        <LiveListFrame list={list} noun="traces" empty={<Nothing query={query} change={change} />}>
          <TraceList traces={list.items} list={rows} />
        </LiveListFrame>
      </Card>
    </>
  );
}

function Nothing({ query, change }: { query: TraceQuery; change: Change }) {
  if (!isNarrowed(query)) {
    return (
      <EmptyState title="No traces in this time">
        <HowToSend />
      </EmptyState>
    );
  }
  return (
    <EmptyState title="No trace of this time fits these filters">
      <Button onClick={() => change({ q: null, service: null, route: null, min_ms: null, outcome: null })}>
        Clear the filters
      </Button>
    </EmptyState>
  );
}
