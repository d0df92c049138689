"use client";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { Span, Trace } from "@/api/types";
import { usePageState } from "@/features/shell/use-page-state";
import { IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { Drawer } from "@/ui/drawer";
import { CloseIcon } from "@/ui/icons";
import { isTaken } from "@/ui/keys";
import { EmptyState } from "@/ui/states";
import { useIsWide } from "@/ui/use-is-wide";
import { ancestorsOf, matchesOf } from "./find";
import { layoutTrace, type Row, serviceOrder, timelineOf } from "./layout";
import { Minimap } from "./minimap";
import { ServiceLegend } from "./service-legend";
import { SpanDetails } from "./span-details";
import { SpanToolbar } from "./span-toolbar";
import { Waterfall } from "./waterfall";
import { zoomFrom } from "./zoom";

/** The waterfall, and beside it (on a narrow screen above it) the span that was chosen. */
export function SpanExplorer({ trace }: { trace: Trace }) {
  const { params, change } = usePageState();
  const isWide = useIsWide();
  const asked = params.get("span");
  const chosen = useMemo(
    () => trace.spans.find((span) => span.span_id === asked) ?? null,
    [trace.spans, asked],
  );
  const isBeside = chosen !== null && isWide;
  const choose = useCallback(
    (span: Span | null) => change({ span: span?.span_id ?? null }, "replace"),
    [change],
  );
  useEffect(() => {
    if (!isBeside) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !isTaken(event)) choose(null);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [isBeside, choose]);
  if (trace.spans.length === 0) {
    return (
      <EmptyState title="No spans of this trace">
        The edge gave the request a trace id, but nothing behind it sent spans.
      </EmptyState>
    );
  }
  return (
    <>
      <div className={isBeside ? "grid grid-cols-[minmax(0,1fr)_26rem] items-start gap-3" : ""}>
        <Spans trace={trace} chosen={chosen} onChoose={choose} />
        {isBeside ? (
          <Card
            title={chosen.name}
            testId="span"
            className="sticky top-3 max-h-[calc(100dvh-1.5rem)] overflow-y-auto"
            aside={
              <IconButton label="Close the span" onClick={() => choose(null)}>
                <CloseIcon />
              </IconButton>
            }
          >
            <SpanDetails span={chosen} />
          </Card>
        ) : null}
      </div>
      {isWide ? null : (
        <Drawer title={chosen?.name ?? ""} open={chosen !== null} onClose={() => choose(null)}>
          {chosen ? <SpanDetails span={chosen} /> : null}
        </Drawer>
      )}
    </>
  );
}

type SpansProps = { trace: Trace; chosen: Span | null; onChoose: (span: Span) => void };

function Spans({ trace, chosen, onChoose }: SpansProps) {
  const { params, change } = usePageState();
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const [text, setText] = useState("");
  const rows = useMemo(() => layoutTrace(trace.spans), [trace.spans]);
  const services = useMemo(() => serviceOrder(trace.spans), [trace.spans]);
  const whole = useMemo(() => timelineOf(trace.spans, trace.duration_ms), [trace]);
  const timeline = zoomFrom(params.get("zoom"), whole);
  const matches = useMemo(() => matchesOf(rows, text), [rows, text]);
  const found = useMemo(() => new Set(matches), [matches]);
  const go = (index: number) => {
    const row = rows[index];
    if (row === undefined) return;
    const above = ancestorsOf(rows, index);
    if (above.some((id) => collapsed.has(id))) setCollapsed(without(collapsed, above));
    onChoose(row.span);
  };
  return (
    <Card title="Waterfall" flush testId="waterfall" aside={<ServiceLegend services={services} />}>
      <div className="flex flex-col gap-2 p-2">
        <SpanToolbar
          rows={rows}
          matches={matches}
          text={text}
          onText={setText}
          at={chosen === null ? -1 : rows.findIndex((row) => row.span === chosen)}
          onGo={go}
          onFold={(all) => setCollapsed(all ? foldableOf(rows) : new Set())}
          onWhole={timeline === whole ? null : () => change({ zoom: null })}
        />
        <Minimap
          rows={rows}
          services={services}
          whole={whole}
          shown={timeline}
          onZoom={(zoom) => change({ zoom })}
        />
      </div>
      <Waterfall
        trace={trace}
        rows={rows}
        services={services}
        timeline={timeline}
        collapsed={collapsed}
        onCollapse={setCollapsed}
        chosen={chosen?.span_id ?? null}
        onChoose={onChoose}
        found={found}
      />
    </Card>
  );
}

function foldableOf(rows: readonly Row<Span>[]): ReadonlySet<string> {
  return new Set(rows.filter((row) => row.children > 0).map((row) => row.span.span_id));
}

function without(collapsed: ReadonlySet<string>, gone: readonly string[]): ReadonlySet<string> {
  return new Set([...collapsed].filter((id) => !gone.includes(id)));
}
