"use client";
import type { UseQueryResult } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { FlameGraph } from "@/api/types";
import { usePageState } from "@/features/shell/use-page-state";
import { formatCount, formatDuration, formatRatio, plural } from "@/lib/format";
import { Button } from "@/ui/button";
import { SearchField } from "@/ui/search-field";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { FlameCanvas } from "./flame-canvas";
import { type Frame, framesOf, mostSpent } from "./flame-layout";
import { ServiceLegend } from "./service-legend";

const MOST_SPENT = 15;

/** Where the time goes, by name: as a flame graph, and as a list of what takes most itself. */
export function FlameView({ flame }: { flame: UseQueryResult<FlameGraph> }) {
  if (flame.error && !flame.data) {
    return <ErrorState problem={flame.error} onRetry={() => void flame.refetch()} />;
  }
  if (flame.data === undefined) return <SkeletonRows rows={10} label="the flame graph" />;
  if (flame.data.spans === 0) {
    return <EmptyState title="No spans to add up">Nothing that fits sent spans in this time.</EmptyState>;
  }
  return <Flame graph={flame.data} />;
}

function Flame({ graph }: { graph: FlameGraph }) {
  const { params, change } = usePageState();
  const focus = params.get("frame");
  const [marked, setMarked] = useState<string | null>(null);
  const [text, setText] = useState("");
  const all = useMemo(() => framesOf(graph.roots, null), [graph]);
  const frames = useMemo(() => framesOf(graph.roots, focus), [graph, focus]);
  const services = useMemo(() => servicesOf(all), [all]);
  const shown = frames.find((frame) => frame.path === (marked ?? focus)) ?? null;
  const total = graph.roots.reduce((sum, root) => sum + root.total_ms, 0);
  return (
    <div className="flex flex-col gap-2 p-3">
      <div className="flex flex-wrap items-center gap-x-4 gap-y-2">
        <SearchField
          label="Mark frames"
          placeholder="Mark frames by name"
          value={text}
          onChange={setText}
          className="w-full sm:w-64"
        />
        <ServiceLegend services={services} />
        {focus !== null ? (
          <Button look="quiet" className="ml-auto" onClick={() => change({ frame: null })}>
            Show all
          </Button>
        ) : null}
      </div>
      <div className="max-h-[60dvh] overflow-y-auto rounded border border-line bg-sunken" data-testid="flame">
        <FlameCanvas
          frames={frames}
          services={services}
          marked={marked}
          onMark={setMarked}
          onFocus={(path) => change({ frame: path === focus ? null : path })}
          text={text}
        />
      </div>
      <p role="status" className="min-h-[1.5em] truncate text-[12.5px] text-ink-soft">
        {shown ? <About frame={shown} total_ms={total} /> : aboutAll(graph)}
      </p>
      <MostSpent graph={graph} total_ms={total} />
    </div>
  );
}

function aboutAll(graph: FlameGraph): string {
  return `${plural(graph.spans, "span")} of ${plural(graph.traces, "trace")}, added up by name`;
}

function About({ frame: { node }, total_ms }: { frame: Frame; total_ms: number }) {
  return (
    <>
      <span className="text-ink-faint">{node.service}</span>{" "}
      <span className="font-medium text-ink">{node.name}</span> {plural(node.spans, "span")},{" "}
      {formatDuration(node.total_ms)} in all ({formatRatio(node.total_ms / total_ms)}),{" "}
      {formatDuration(node.self_ms)} itself
      {node.errors > 0 ? <span className="text-bad">, {plural(node.errors, "error")}</span> : null}
    </>
  );
}

function MostSpent({ graph, total_ms }: { graph: FlameGraph; total_ms: number }) {
  const spent = useMemo(() => mostSpent(graph.roots, MOST_SPENT), [graph]);
  return (
    <Table
      label="What takes the most time itself"
      head={
        <>
          <Th>What takes the most time itself</Th>
          <Th numeric>Itself</Th>
          <Th numeric>Share</Th>
          <Th numeric>In all</Th>
          <Th numeric>Spans</Th>
          <Th numeric>Errors</Th>
        </>
      }
    >
      {spent.map((each) => (
        <tr key={`${each.service} ${each.name}`}>
          <RowHead className="max-w-md truncate text-[13px]">
            <span className="font-normal text-ink-faint">{each.service}</span> {each.name}
          </RowHead>
          <Td numeric>{formatDuration(each.self_ms)}</Td>
          <Td numeric>{formatRatio(total_ms > 0 ? each.self_ms / total_ms : null)}</Td>
          <Td numeric>{formatDuration(each.total_ms)}</Td>
          <Td numeric>{formatCount(each.spans)}</Td>
          <Td numeric className={each.errors > 0 ? "text-bad" : "text-ink-faint"}>
            {formatCount(each.errors)}
          </Td>
        </tr>
      ))}
    </Table>
  );
}

function servicesOf(frames: readonly Frame[]): ReadonlyMap<string, number> {
  const order = new Map<string, number>();
  for (const { node } of frames) if (!order.has(node.service)) order.set(node.service, order.size);
  return order;
}
