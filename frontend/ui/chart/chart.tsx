"use client";
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import { formatClock } from "@/lib/format";
import { tokenColour, useTheme } from "@/ui/use-tokens";
import { axisWidth, BINARY_STEPS, newestKnown, timeMarks } from "./axes";

export type ChartSeries = {
  readonly label: string;
  readonly token: string;
  readonly values: readonly (number | null)[];
};
type Props = {
  label: string;
  times: readonly number[];
  series: readonly ChartSeries[];
  format: (value: number | null | undefined) => string;
  onPick?: (time_s: number) => void;
  onSelect?: (from_ms: number, to_ms: number) => void;
  height?: number;
  max?: number;
  /** Sizes have round numbers of their own. */
  isBinary?: boolean;
  /** False where the lines are named elsewhere. */
  withLegend?: boolean;
};

const SYNC = uPlot.sync("time");
/** Lines beyond the colours that there are begin anew, dashed. */
export const COLOURS = 8;
const AXIS_FONT = "11px system-ui, sans-serif";

/** Lines over time. A click opens a moment, a drag selects a range; arrows and Enter do it by keyboard. */
export function Chart(props: Props) {
  const {
    label,
    times,
    series,
    format,
    onPick,
    onSelect,
    height = 160,
    max,
    isBinary = false,
    withLegend = true,
  } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const handlers = useRef({ onPick, onSelect, format });
  handlers.current = { onPick, onSelect, format };
  const [at, setAt] = useState<number | null>(null);
  const theme = useTheme();
  const data = useMemo(
    () => [[...times], ...series.map((each) => [...each.values])] as uPlot.AlignedData,
    [times, series],
  );
  const latest = useRef(data);
  latest.current = data;
  const names = JSON.stringify(series.map((each) => [each.label, each.token]));

  useEffect(() => {
    const element = place.current;
    if (element === null || theme === "") return;
    const drawn = JSON.parse(names) as [string, string][];
    const created = new uPlot(
      {
        width: element.clientWidth || 300,
        height,
        legend: { show: false },
        cursor: {
          sync: { key: SYNC.key },
          drag: { x: true, y: false, setScale: false },
          points: { size: 6 },
        },
        padding: [8, 18, 0, 0],
        scales: {
          y: { range: (_plot, low, high) => [Math.min(0, low * 1.1), max ?? (high > 0 ? high * 1.1 : 1)] },
        },
        axes: [
          {
            stroke: tokenColour("ink-faint"),
            grid: { stroke: tokenColour("chart-grid"), width: 1 },
            ticks: { show: false },
            size: 24,
            gap: 4,
            space: 64,
            font: AXIS_FONT,
            values: (_plot, splits, _axis, _space, step) => [...timeMarks(splits, step)],
          },
          {
            stroke: tokenColour("ink-faint"),
            grid: { stroke: tokenColour("chart-grid"), width: 1 },
            ticks: { show: false },
            size: (_plot, marks) => axisWidth(marks),
            gap: 4,
            font: AXIS_FONT,
            ...(isBinary ? { incrs: [...BINARY_STEPS] } : {}),
            values: (_plot, values) => values.map((value) => handlers.current.format(value)),
          },
        ],
        series: [
          {},
          ...drawn.map(([name, colour], at) => ({
            label: name,
            stroke: tokenColour(colour),
            width: 1.6,
            points: { show: false },
            spanGaps: false,
            ...(at >= COLOURS ? { dash: [5, 3] } : {}),
          })),
        ],
        hooks: {
          setCursor: [(self) => setAt(self.cursor.idx ?? null)],
          setSelect: [
            (self) => {
              if (self.select.width < 4) return;
              const from = self.posToVal(self.select.left, "x") * 1000;
              const to = self.posToVal(self.select.left + self.select.width, "x") * 1000;
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              handlers.current.onSelect?.(from, to);
            },
          ],
        },
      },
      latest.current,
      element,
    );
    let downAt = 0;
    created.over.addEventListener("mousedown", (event) => {
      downAt = event.clientX;
    });
    created.over.addEventListener("click", (event) => {
      const index = created.cursor.idx;
      const time = index == null ? undefined : created.data[0][index];
      if (time !== undefined && Math.abs(event.clientX - downAt) < 4) handlers.current.onPick?.(time);
    });
    plot.current = created;
    const observer = new ResizeObserver(() => created.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      plot.current = null;
    };
  }, [names, theme, height, max, isBinary]);

  useEffect(() => plot.current?.setData(data), [data]);

  const move = (event: KeyboardEvent) => {
    const current = plot.current;
    if (current === null || times.length === 0) return;
    const step = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = Math.min(times.length - 1, Math.max(0, (at ?? times.length) + step));
      current.setCursor({ left: current.valToPos(times[next] ?? 0, "x"), top: 10 });
      setAt(next);
    }
    const time = at === null ? undefined : times[at];
    if (event.key === "Enter" && time !== undefined) {
      event.preventDefault(); // or the same key would press what gets the focus
      onPick?.(time);
    }
  };

  const shown = at ?? newestKnown(series.map((each) => each.values));
  return (
    <div className="chart relative min-w-0">
      {withLegend ? (
        <div className="mb-1 flex flex-wrap gap-x-4 text-[12.5px]">
          {series.map((each) => (
            <span key={each.label} className="flex items-center gap-1.5">
              <span aria-hidden="true" className="h-0.5 w-3" style={{ background: `var(--${each.token})` }} />
              <span className="text-ink-soft">{each.label}</span>
              <span className="font-mono">{format(each.values[shown])}</span>
            </span>
          ))}
        </div>
      ) : null}
      {at === null || times[at] === undefined ? null : (
        <span className="pointer-events-none absolute right-0 bottom-0 z-1 bg-surface px-1 font-mono text-[11px] text-ink-soft">
          {formatClock((times[at] ?? 0) * 1000)}
        </span>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes the arrow keys itself */}
      <div ref={place} role="application" aria-label={label} tabIndex={0} onKeyDown={move} />
    </div>
  );
}
