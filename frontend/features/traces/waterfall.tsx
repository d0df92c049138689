"use client";
import { type KeyboardEvent, useMemo, useRef, useState } from "react";
import type { Span, Trace } from "@/api/types";
import { formatCount, formatDuration } from "@/lib/format";
import { Button } from "@/ui/button";
import { useRowKeys } from "@/ui/use-row-keys";
import { type Row, serviceOrder, timelineOf, visibleRows } from "./layout";
import { ticksOf } from "./model";
import { WaterfallRow } from "./waterfall-row";

type Props = {
  trace: Trace;
  rows: readonly Row<Span>[];
  collapsed: ReadonlySet<string>;
  onCollapse: (collapsed: ReadonlySet<string>) => void;
  chosen: string | null;
  onChoose: (span: Span) => void;
};
/** More rows than this come on request: every row is a dozen elements. */
const ROWS_AT_ONCE = 500;

export function Waterfall({ trace, rows, collapsed, onCollapse, chosen, onChoose }: Props) {
  const list = useRef<HTMLOListElement>(null);
  useRowKeys(list);
  const visible = useMemo(() => visibleRows(rows, collapsed), [rows, collapsed]);
  const chosenAt = visible.findIndex((row) => row.span.span_id === chosen);
  const [wanted, setWanted] = useState(ROWS_AT_ONCE);
  const limit = Math.max(wanted, chosenAt + 1);
  const timeline = useMemo(() => timelineOf(trace.spans, trace.duration_ms), [trace]);
  const services = useMemo(() => serviceOrder(trace.spans), [trace.spans]);
  const missing = useMemo(() => new Set(trace.missing_parents), [trace.missing_parents]);
  const fold = (row: Row<Span>, isFolded: boolean) => {
    const next = new Set(collapsed);
    if (isFolded) next.add(row.span.span_id);
    else next.delete(row.span.span_id);
    onCollapse(next);
  };
  const foldByKey = (event: KeyboardEvent) => {
    const id = (event.target as HTMLElement).dataset.row;
    const row = visible.find((each) => String(each.index) === id);
    if (row === undefined || row.children === 0) return;
    if (event.key === "ArrowLeft") fold(row, true);
    if (event.key === "ArrowRight") fold(row, false);
  };
  return (
    <>
      <Legend services={services} onFold={(all) => onCollapse(all ? foldableOf(rows) : new Set())} />
      <div aria-hidden="true" className="hidden justify-end gap-3 py-1 pr-2 md:flex">
        <div className="flex w-1/2 justify-between">
          {ticksOf(timeline.start, timeline.length).map((tick) => (
            <span key={tick} className="font-mono text-[11px] text-ink-faint">
              {formatDuration(tick)}
            </span>
          ))}
        </div>
        <span className="w-16" />
      </div>
      <ol ref={list} aria-label="Spans" onKeyDown={foldByKey} className="border-line border-t">
        {visible.slice(0, limit).map((row) => (
          <WaterfallRow
            key={row.index}
            row={row}
            timeline={timeline}
            service={services.get(row.span.service) ?? 0}
            isMissingParent={missing.has(row.span.parent_span_id ?? "")}
            isFolded={collapsed.has(row.span.span_id)}
            isChosen={row.span.span_id === chosen}
            onFold={fold}
            onChoose={onChoose}
          />
        ))}
      </ol>
      {visible.length > limit ? (
        <div className="flex justify-center border-line border-t p-2">
          <Button onClick={() => setWanted(limit + ROWS_AT_ONCE)}>
            Show more of {formatCount(visible.length)} spans
          </Button>
        </div>
      ) : null}
    </>
  );
}

function foldableOf(rows: readonly Row<Span>[]): ReadonlySet<string> {
  return new Set(rows.filter((row) => row.children > 0).map((row) => row.span.span_id));
}

function Legend({
  services,
  onFold,
}: {
  services: ReadonlyMap<string, number>;
  onFold: (all: boolean) => void;
}) {
  return (
    <div className="flex flex-wrap items-center justify-between gap-2 px-3 py-1.5">
      <ul aria-label="Services" className="flex flex-wrap gap-x-4 text-[12.5px]">
        {[...services].map(([name, number]) => (
          <li key={name} className="flex items-center gap-1.5">
            <span
              aria-hidden="true"
              className="size-2.5 rounded-sm"
              style={{ background: `var(--series-${number % 8})` }}
            />
            {name}
          </li>
        ))}
      </ul>
      <span className="flex gap-1">
        <Button look="quiet" className="h-7" onClick={() => onFold(true)}>
          Fold all
        </Button>
        <Button look="quiet" className="h-7" onClick={() => onFold(false)}>
          Unfold all
        </Button>
      </span>
    </div>
  );
}
