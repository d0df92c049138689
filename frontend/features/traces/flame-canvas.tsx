"use client";
import { type KeyboardEvent, type PointerEvent, useEffect, useRef } from "react";
import { useTokens } from "@/ui/use-tokens";
import { type Direction, depthOf, type Frame, frameAt, frameBeside } from "./flame-layout";

type Props = {
  frames: readonly Frame[];
  services: ReadonlyMap<string, number>;
  /** The frame that is pointed at, or that the arrows led to. */
  marked: string | null;
  onMark: (path: string | null) => void;
  onFocus: (path: string | null) => void;
  /** Frames that do not say this are faint. */
  text: string;
};
const ROW_PX = 22;
const LEAST_PX = 0.4;
const LEAST_SHARE = LEAST_PX / 1600;
const TEXT_FROM_PX = 34;

/** Draws the frames; those too narrow to be seen are left out, so ten thousand cost no more than a hundred. */
export function FlameCanvas({ frames, services, marked, onMark, onFocus, text }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const token = useTokens();
  const height = Math.max(1, depthOf(frames, LEAST_SHARE)) * ROW_PX;
  useEffect(() => {
    const element = canvas.current;
    if (element === null || token === null) return;
    const paint = () => draw(element, frames, { services, token, marked, text: text.toLowerCase() });
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frames, services, token, marked, text]);
  const at = (event: PointerEvent) => {
    const box = event.currentTarget.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    return frameAt(frames, x, Math.floor((event.clientY - box.top) / ROW_PX))?.path ?? null;
  };
  const onKey = (event: KeyboardEvent) => {
    const { key } = event;
    if (key === "Escape") onFocus(null);
    else if (key === "Enter" && marked !== null) onFocus(marked);
    else if (key.startsWith("Arrow"))
      onMark(marked === null ? "0" : frameBeside(frames, marked, key as Direction));
    else return;
    event.preventDefault();
  };
  return (
    <div
      role="application"
      aria-label="Flame graph; arrows move, Enter looks closer, Esc shows all"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes the arrow keys itself
      tabIndex={0}
      className="w-full cursor-pointer focus-visible:-outline-offset-2"
      style={{ height }}
      onPointerMove={(event) => onMark(at(event))}
      onPointerLeave={() => onMark(null)}
      onPointerUp={(event) => onFocus(at(event))}
      onKeyDown={onKey}
    >
      <canvas ref={canvas} className="block h-full w-full" />
    </div>
  );
}

type Look = {
  services: ReadonlyMap<string, number>;
  token: (name: string) => string;
  marked: string | null;
  text: string;
};

function draw(element: HTMLCanvasElement, frames: readonly Frame[], look: Look): void {
  const context = element.getContext("2d");
  if (context === null) return;
  const scale = window.devicePixelRatio || 1;
  const width = element.clientWidth;
  element.width = width * scale;
  element.height = element.clientHeight * scale;
  context.scale(scale, scale);
  context.font = "12px system-ui, sans-serif";
  context.textBaseline = "middle";
  for (const frame of frames) {
    if (frame.width * width >= LEAST_PX) drawFrame(context, frame, width, look);
  }
}

function drawFrame(context: CanvasRenderingContext2D, frame: Frame, width: number, look: Look): void {
  const { node, path, depth } = frame;
  const left = frame.left * width;
  const top = depth * ROW_PX;
  const wide = Math.max(frame.width * width - 1, 0.6);
  const isFaint = look.text !== "" && !`${node.service} ${node.name}`.toLowerCase().includes(look.text);
  context.globalAlpha = isFaint ? 0.22 : 1;
  context.fillStyle = look.token(`series-${(look.services.get(node.service) ?? 0) % 8}`);
  context.fillRect(left, top, wide, ROW_PX - 1);
  if (node.errors > 0) {
    context.fillStyle = look.token("bad");
    context.fillRect(left, top + ROW_PX - 4, wide, 3);
  }
  if (wide >= TEXT_FROM_PX) {
    context.save();
    context.beginPath();
    context.rect(left, top, wide - 4, ROW_PX);
    context.clip();
    context.fillStyle = look.token("on-series");
    context.fillText(node.name, left + 5, top + ROW_PX / 2);
    context.restore();
  }
  context.globalAlpha = 1;
  if (path === look.marked) {
    context.strokeStyle = look.token("ink");
    context.lineWidth = 2;
    context.strokeRect(left + 1, top + 1, Math.max(wide - 2, 1), ROW_PX - 3);
  }
}
