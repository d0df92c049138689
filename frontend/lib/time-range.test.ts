import { describe, expect, test } from "vitest";
import {
  DEFAULT_RANGE,
  fixedRange,
  rangeFromParams,
  rangeToParams,
  SPANS,
  selection,
  stepFor,
  type TimeRange,
  toLocalField,
  windowOf,
} from "./time-range";

const parse = (query: string) => rangeFromParams(new URLSearchParams(query));

describe("a range in the URL", () => {
  test.each<TimeRange>([
    { kind: "last", span: "5m" },
    { kind: "last", span: "24h" },
    { kind: "fixed", from: 1_700_000_000_000, to: 1_700_000_060_000 },
  ])("%o survives the way there and back", (range) => {
    const params = new URLSearchParams();
    for (const [key, value] of Object.entries(rangeToParams(range))) if (value) params.set(key, value);
    expect(rangeFromParams(params)).toEqual(range);
  });

  test.each([
    "",
    "range=9y",
    "range=toString",
    "from=x&to=y",
    "from=2026-01-01T00:00:00Z",
    "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
    "from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
  ])("%s falls back to the default", (query) => {
    expect(parse(query)).toEqual(DEFAULT_RANGE);
  });
});

test("a fixed range says what is wrong with it", () => {
  expect(fixedRange(null, 5)).toBe("unreadable");
  expect(fixedRange(5, 5)).toBe("reversed");
  expect(fixedRange(0, 40 * 86_400_000)).toBe("too_long");
});

test("the window of a relative range ends shortly before now, on a whole second", () => {
  const { from, to } = windowOf({ kind: "last", span: "5m" }, 1_000_000_500);
  expect(to).toBe(999_998_000);
  expect(to - from).toBe(300_000);
});

test("every preset gives between 40 and 120 slots", () => {
  for (const span of Object.keys(SPANS) as (keyof typeof SPANS)[]) {
    const slots = SPANS[span] / stepFor({ kind: "last", span });
    expect(slots).toBeGreaterThanOrEqual(40);
    expect(slots).toBeLessThanOrEqual(120);
  }
});

test("the longest range still has a step", () => {
  expect(stepFor({ kind: "fixed", from: 0, to: 31 * 86_400_000 })).toBe(28_800);
});

test("a selection drawn from right to left is turned round, and is never empty", () => {
  expect(selection(5000, 2000)).toEqual({ kind: "fixed", from: 2000, to: 5000 });
  expect(selection(2000, 2000)).toEqual({ kind: "fixed", from: 2000, to: 3000 });
});

test("a local field holds the reader's clock", () => {
  expect(toLocalField(new Date(2026, 0, 2, 3, 4, 5).getTime())).toBe("2026-01-02T03:04:05");
});
