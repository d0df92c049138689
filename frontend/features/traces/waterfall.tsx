"use client";
import { type KeyboardEvent, useEffect, useMemo, useRef } from "react";
import type { Span, Trace } from "@/api/types";
import { formatDuration } from "@/lib/format";
import { useHasColumns } from "@/ui/use-is-wide";
import { useRowKeys } from "@/ui/use-row-keys";
import { useRowWindow } from "@/ui/use-row-window";
import { type Row, type Timeline, visibleRows } from "./layout";
import { ticksOf } from "./model";
import { WaterfallRow } from "./waterfall-row";

type Props = {
  trace: Trace;
  rows: readonly Row<Span>[];
  services: ReadonlyMap<string, number>;
  timeline: Timeline;
  collapsed: ReadonlySet<string>;
  onCollapse: (collapsed: ReadonlySet<string>) => void;
  chosen: string | null;
  onChoose: (span: Span) => void;
  /** Indexes of rows that are looked for. */
  found: ReadonlySet<number>;
};
const ROW_PX = 28;
const TALL_ROW_PX = 44;

/** Only the rows in view are elements of the page: a trace may have ten thousand spans. */
export function Waterfall(props: Props) {
  const { trace, rows, services, timeline, collapsed, onCollapse, chosen, onChoose, found } = props;
  const view = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLOListElement>(null);
  useRowKeys(list);
  const visible = useMemo(() => visibleRows(rows, collapsed), [rows, collapsed]);
  const missing = useMemo(() => new Set(trace.missing_parents), [trace.missing_parents]);
  const rowPx = useHasColumns() ? ROW_PX : TALL_ROW_PX;
  const { first, end, reveal } = useRowWindow(view, visible.length, rowPx);
  const chosenAt = useMemo(() => visible.findIndex((row) => row.span.span_id === chosen), [visible, chosen]);
  useEffect(() => reveal(chosenAt), [reveal, chosenAt]);
  const fold = (row: Row<Span>, isFolded: boolean) => {
    const next = new Set(collapsed);
    if (isFolded) next.add(row.span.span_id);
    else next.delete(row.span.span_id);
    onCollapse(next);
  };
  const foldByKey = (event: KeyboardEvent) => {
    const id = (event.target as HTMLElement).dataset.row;
    const row = id === undefined ? undefined : rows[Number(id)];
    if (row === undefined || row.children === 0) return;
    if (event.key === "ArrowLeft") fold(row, true);
    if (event.key === "ArrowRight") fold(row, false);
  };
  return (
    <>
      <Ruler timeline={timeline} />
      <div ref={view} className="max-h-[70dvh] overflow-y-auto border-line border-t" data-testid="spans">
        <ol
          ref={list}
          aria-label="Spans"
          onKeyDown={foldByKey}
          className="relative"
          style={{ height: visible.length * rowPx }}
        >
          {visible.slice(first, end).map((row, at) => (
            <WaterfallRow
              key={row.index}
              row={row}
              place={{ top: (first + at) * rowPx, height: rowPx, at: first + at, of: visible.length }}
              timeline={timeline}
              service={services.get(row.span.service) ?? 0}
              isMissingParent={missing.has(row.span.parent_span_id ?? "")}
              isFolded={collapsed.has(row.span.span_id)}
              isChosen={row.span.span_id === chosen}
              isFound={found.has(row.index)}
              onFold={fold}
              onChoose={onChoose}
            />
          ))}
        </ol>
      </div>
    </>
  );
}

function Ruler({ timeline }: { timeline: Timeline }) {
  return (
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
  );
}
