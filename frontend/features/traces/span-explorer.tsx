"use client";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { Span, Trace } from "@/api/types";
import { usePageState } from "@/features/shell/use-page-state";
import { plural } from "@/lib/format";
import { IconButton } from "@/ui/button";
import { Card } from "@/ui/card";
import { Drawer } from "@/ui/drawer";
import { CloseIcon } from "@/ui/icons";
import { isTaken } from "@/ui/keys";
import { EmptyState, StaleBanner } from "@/ui/states";
import { useIsWide } from "@/ui/use-is-wide";
import { layoutTrace } from "./layout";
import { SpanDetails } from "./span-details";
import { Waterfall } from "./waterfall";

/** The waterfall, and beside it (on a narrow screen above it) the span that was chosen. */
export function SpanExplorer({ trace }: { trace: Trace }) {
  const { params, change } = usePageState();
  const isWide = useIsWide();
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => layoutTrace(trace.spans), [trace.spans]);
  const asked = params.get("span");
  const chosen = trace.spans.find((span) => span.span_id === asked) ?? null;
  const isBeside = chosen !== null && isWide;
  const choose = useCallback((span: Span | null) => change({ span: span?.span_id ?? null }), [change]);
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
      {trace.missing_parents.length > 0 ? <Missing parents={trace.missing_parents} /> : null}
      <div className={isBeside ? "grid grid-cols-[minmax(0,1fr)_26rem] items-start gap-3" : ""}>
        <Card title="Waterfall" flush testId="waterfall">
          <Waterfall
            trace={trace}
            rows={rows}
            collapsed={collapsed}
            onCollapse={setCollapsed}
            chosen={chosen?.span_id ?? null}
            onChoose={choose}
          />
        </Card>
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

function Missing({ parents }: { parents: readonly string[] }) {
  return (
    <StaleBanner word="Incomplete">
      {plural(parents.length, "span")} that others name as parent never arrived:{" "}
      {parents.slice(0, 3).join(", ")}
      {parents.length > 3 ? " …" : ""}. Rows below them are marked.
    </StaleBanner>
  );
}
