import { describe, expect, test } from "vitest";
import {
  formatAge,
  formatBytes,
  formatClock,
  formatCompact,
  formatDuration,
  formatRate,
  formatRatio,
  plural,
  sinceText,
} from "./format";

describe("unknown values", () => {
  test.each([formatCompact, formatDuration, formatBytes, formatRatio, formatRate, formatAge])(
    "%o shows a dash, never zero",
    (format) => {
      expect(format(null)).toBe("—");
      expect(format(undefined)).toBe("—");
      expect(format(Number.NaN)).toBe("—");
    },
  );
});

test.each([
  [0, "0ms"],
  [0.0004, "400ns"],
  [0.25, "250µs"],
  [1, "1ms"],
  [12.345, "12.3ms"],
  [999.9, "1s"],
  [1500, "1.5s"],
  [90_000, "1.5min"],
  [7_200_000, "2h"],
  [172_800_000, "2d"],
])("a duration of %d ms reads %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1_048_575, "1 MiB"],
  [1_610_612_736, "1.5 GiB"],
])("%d bytes read %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

test.each([
  [0, "0"],
  [0.123, "0.12"],
  [999, "999"],
  [1234, "1,234"],
  [12_345, "12.3k"],
  [999_999, "1M"],
  [2_500_000_000, "2.5G"],
])("the number %d reads %s", (value, text) => {
  expect(formatCompact(value)).toBe(text);
});

test.each([
  [0, "0%"],
  [0.00001, "<0.01%"],
  [0.0123, "1.23%"],
  [1, "100%"],
])("the ratio %d reads %s", (ratio, text) => {
  expect(formatRatio(ratio)).toBe(text);
});

test.each([
  [-5, "0 s"],
  [59_999, "59 s"],
  [60_000, "1 min"],
  [3_660_000, "1 h 1 min"],
  [90_000_000, "1 d 1 h"],
])("an age of %d ms reads %s", (milliseconds, text) => {
  expect(formatAge(milliseconds)).toBe(text);
});

test("a clock time that cannot be read is unknown", () => {
  expect(formatClock("yesterday-ish")).toBe("—");
  expect(formatClock("2026-01-02T03:04:05.067", true)).toBe("03:04:05.067");
});

test("a moment of more than a day ago is shown by its date", () => {
  const then = new Date(2026, 0, 2, 3, 4, 5);
  expect(sinceText(then.toISOString(), then.getTime() + 3_600_000)).toBe("03:04:05");
  expect(sinceText(then.toISOString(), then.getTime() + 90_000_000)).toBe("2026-01-02");
});

test("a count agrees with its noun", () => {
  expect(plural(1, "span")).toBe("1 span");
  expect(plural(1200, "span")).toBe("1,200 spans");
  expect(plural(2, "process", "processes")).toBe("2 processes");
});
