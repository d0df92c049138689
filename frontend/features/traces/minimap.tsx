"use client";
import { type PointerEvent, useEffect, useRef, useState } from "react";
import type { Span } from "@/api/types";
import { formatDuration } from "@/lib/format";
import { useTokens } from "@/ui/use-tokens";
import { barOf, type Row, type Timeline } from "./layout";
import { zoomByKey, zoomTo } from "./zoom";

type Props = {
  rows: readonly Row<Span>[];
  services: ReadonlyMap<string, number>;
  whole: Timeline;
  shown: Timeline;
  onZoom: (zoom: string | null) => void;
};
const HEIGHT_PX = 48;

/** The whole trace in a hand's breadth; what is dragged over is looked at closer, a double click resets. */
export function Minimap({ rows, services, whole, shown, onZoom }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const token = useTokens();
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  useEffect(() => {
    const element = canvas.current;
    if (element === null || token === null) return;
    const paint = () => draw(element, rows, whole, (row) => colourOf(row, services, token));
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(element);
    return () => observer.disconnect();
  }, [rows, services, whole, token]);
  const shareAt = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const marked = drag ?? {
    from: (shown.start - whole.start) / whole.length,
    to: (shown.start + shown.length - whole.start) / whole.length,
  };
  const left = Math.min(marked.from, marked.to);
  const right = Math.max(marked.from, marked.to);
  return (
    <div
      role="application"
      aria-label="Part of the trace that is shown; plus and minus change its length, arrows move it"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes the arrow keys itself
      tabIndex={0}
      onKeyDown={(event) => {
        const zoom = zoomByKey(event.key, whole, shown);
        if (zoom === undefined) return;
        event.preventDefault();
        onZoom(zoom);
      }}
      className="relative touch-pan-y cursor-crosshair overflow-hidden rounded border border-line bg-sunken"
      style={{ height: HEIGHT_PX }}
      title="Drag to look closer, double click for the whole trace"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: shareAt(event), to: shareAt(event) });
      }}
      onPointerMove={(event) => drag && setDrag({ ...drag, to: shareAt(event) })}
      onPointerUp={(event) => {
        const zoom = drag && zoomTo(whole, drag.from, shareAt(event));
        setDrag(null);
        if (zoom) onZoom(zoom);
      }}
      onPointerCancel={() => setDrag(null)}
      onDoubleClick={() => onZoom(null)}
    >
      <canvas
        ref={canvas}
        role="img"
        aria-label={`All ${rows.length} spans over ${formatDuration(whole.length)}`}
        className="block h-full w-full"
      />
      <span
        aria-hidden="true"
        className="absolute inset-y-0 left-0 bg-shade"
        style={{ width: `${left * 100}%` }}
      />
      <span
        aria-hidden="true"
        className="absolute inset-y-0 right-0 bg-shade"
        style={{ width: `${(1 - right) * 100}%` }}
      />
    </div>
  );
}

function colourOf(row: Row<Span>, services: ReadonlyMap<string, number>, token: (name: string) => string) {
  const isBad = row.span.status === "error";
  return token(isBad ? "bad" : `series-${(services.get(row.span.service) ?? 0) % 8}`);
}

function draw(
  element: HTMLCanvasElement,
  rows: readonly Row<Span>[],
  whole: Timeline,
  colour: (row: Row<Span>) => string,
): void {
  const context = element.getContext("2d");
  if (context === null) return;
  const scale = window.devicePixelRatio || 1;
  element.width = element.clientWidth * scale;
  element.height = element.clientHeight * scale;
  const height = element.height / Math.max(rows.length, 12);
  rows.forEach((row, at) => {
    const bar = barOf(row.span, whole);
    context.fillStyle = colour(row);
    const width = Math.max(1, (bar.width / 100) * element.width);
    context.fillRect((bar.left / 100) * element.width, at * height, width, Math.max(1, height * 0.8));
  });
}
