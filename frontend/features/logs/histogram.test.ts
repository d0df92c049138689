import { expect, test } from "vitest";
import type { LogHistogram } from "@/api/types";
import { barsOf, columnsOf, rangeAt, totalOf } from "./histogram";

const none = { trace: 0, debug: 0, info: 0, warn: 0, error: 0, fatal: 0 };
const START = Date.parse("2026-01-01T00:00:00Z");
const histogram: LogHistogram = {
  step_s: 10,
  points: [
    { t: "2026-01-01T00:00:00Z", ...none, info: 6, debug: 1, warn: 2, error: 1 },
    { t: "2026-01-01T00:00:10Z", ...none },
    { t: "2026-01-01T00:00:20Z", ...none, fatal: 5 },
  ],
};
const columns = columnsOf(histogram);

test("lines are counted by how bad they are", () => {
  expect(columns[0]?.counts).toEqual({ bad: 1, warn: 2, rest: 7 });
  expect(totalOf(columns)).toEqual({ bad: 6, warn: 2, rest: 7 });
});

test("bars are stacked, the worst on top, and the highest column fills the height", () => {
  const bars = barsOf(columns).filter((bar) => bar.x < 1 / 3);
  expect(bars.map((bar) => bar.layer)).toEqual(["rest", "warn", "bad"]);
  expect(bars.at(-1)?.y).toBeCloseTo(0);
  expect(bars.reduce((sum, bar) => sum + bar.height, 0)).toBeCloseTo(1);
});

test("a single bad line among very many is still seen", () => {
  const [column] = columnsOf({
    step_s: 10,
    points: [{ t: "2026-01-01T00:00:00Z", ...none, info: 1e6, error: 1 }],
  });
  const bad = barsOf(column ? [column] : []).find((bar) => bar.layer === "bad");
  expect(bad?.height).toBeGreaterThan(0.02);
  expect(bad?.y).toBeGreaterThanOrEqual(0);
});

test("a click is the column it hits, a drag all that it touches, in either direction", () => {
  expect(rangeAt(columns, 0.1, 0.1)).toEqual({ kind: "fixed", from: START, to: START + 10_000 });
  expect(rangeAt(columns, 1, 0.5)).toEqual({ kind: "fixed", from: START + 10_000, to: START + 30_000 });
  expect(rangeAt([], 0, 1)).toBeNull();
});
