import { describe, expect, test } from "vitest";
import type { RequestPoint, ServiceSummary } from "@/api/types";
import { changeOf, coverage, latest, requestSeries, sentBy, slotAt } from "./model";

describe("a change against the range before", () => {
  test("is unknown when either side is", () => {
    expect(changeOf(null, 1, "lower")).toBeNull();
    expect(changeOf(1, null, "lower")).toBeNull();
  });

  test.each([
    [110, 100, "lower", { text: "10%", direction: "up", verdict: "worse" }],
    [50, 100, "lower", { text: "50%", direction: "down", verdict: "better" }],
    [150, 100, "neither", { text: "50%", direction: "up", verdict: "neutral" }],
    [102, 100, "lower", { text: "2%", direction: "up", verdict: "neutral" }],
    [100, 100, "lower", { text: "unchanged", direction: "same", verdict: "neutral" }],
    [0, 0, "lower", { text: "unchanged", direction: "same", verdict: "neutral" }],
    [5, 0, "lower", { text: "from 0", direction: "up", verdict: "worse" }],
    [5000, 100, "neither", { text: "50×", direction: "up", verdict: "neutral" }],
  ] as const)("from %d was %d, wished %s", (now, before, wish, change) => {
    expect(changeOf(now, before, wish)).toEqual(change);
  });
});

const point = (t: string, requests: number): RequestPoint => ({
  t,
  requests,
  errors: 1,
  requests_per_s: requests / 10,
  error_ratio: requests ? 1 / requests : null,
  p50_ms: null,
  p95_ms: requests ? 40 : null,
  p99_ms: null,
});

const window = { from: Date.parse("2026-01-01T00:00:02Z"), to: Date.parse("2026-01-01T00:00:21Z") };
const points = [
  point("2026-01-01T00:00:00Z", 80),
  point("2026-01-01T00:00:10Z", 0),
  point("2026-01-01T00:00:20Z", 7),
];

test("a slot that is cut by the range is scaled, and left open when hardly any of it is there", () => {
  const series = requestSeries(points, 10, window);
  expect(series.rate).toEqual([10, 0, null]);
  expect(series.errorRatio[1]).toBeNull();
  expect(coverage(Date.parse("2026-01-01T01:00:00Z") / 1000, 10, window)).toBe(0);
});

test("a point of a chart is its slot", () => {
  const start = Date.parse("2026-01-01T00:00:00Z");
  expect(slotAt(points, 10, start / 1000)).toEqual({ from: start, to: start + 10_000, errors: 1, p95Ms: 40 });
  expect(slotAt(points, 10, 5).errors).toBeNull();
});

test("the latest value skips what is unknown", () => {
  expect(latest([1, 2, null])).toBe(2);
  expect(latest([null])).toBeNull();
});

test("what a process sent is the sum over its releases, and unknown where the edge saw nothing", () => {
  const release = (colour: string, name: string, sent_bytes_per_s: number): ServiceSummary => ({
    service: "web",
    colour,
    release: name,
    requests: 1,
    requests_per_s: 1,
    error_ratio: 0,
    p95_ms: 1,
    sent_bytes_per_s,
  });
  const services = [release("blue", "r1", 10), release("blue", "r2", 5), release("green", "r3", 100)];
  expect(sentBy({ process: "web.blue", service: "web" }, services)).toBe(15);
  expect(sentBy({ process: "postgres", service: "postgres" }, services)).toBeNull();
});
