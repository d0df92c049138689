import { expect, test } from "vitest";
import type { Metric, MetricResult } from "@/api/types";
import { linesOf, metricQueryFromParams, metricsLike, presetsFor, startOf } from "./model";

const metric = (name: string, type = "gauge", description = ""): Metric => ({
  name,
  type,
  unit: "1",
  description,
  services: ["web"],
  series: 1,
  last_seen: "2026-01-01T00:00:00Z",
});

test("what is asked stands in the address, and what cannot be read is left out", () => {
  const asked = metricQueryFromParams(new URLSearchParams("name=m&agg=p95&rate=1&by=a&by=b&by=a&by=&q=x"));
  expect(asked).toEqual({ name: "m", aggregate: "p95", rate: true, group_by: ["a", "b"], q: "x" });
  expect(metricQueryFromParams(new URLSearchParams("agg=mode"))).toEqual({
    name: null,
    aggregate: "avg",
    rate: false,
    group_by: [],
    q: null,
  });
});

test("a metric is begun with what its type is for", () => {
  expect(["histogram", "sum", "gauge"].map((type) => startOf(metric("m", type)).agg)).toEqual([
    "p95",
    "sum",
    "avg",
  ]);
});

test("only what is sent is proposed, and metrics are found by words of their name and description", () => {
  expect(presetsFor([metric("process.memory.usage")]).map(({ title }) => title)).toEqual([
    "Memory by process",
  ]);
  const metrics = [metric("http.server.request.duration"), metric("db.pool", "gauge", "Server connections")];
  expect(metricsLike(metrics, "server dur").map(({ name }) => name)).toEqual([
    "http.server.request.duration",
  ]);
  expect(metricsLike(metrics, " SERVER ")).toHaveLength(2);
});

test("lines are named by their labels, the highest first, and a gap is no zero", () => {
  const points = (...values: (number | null)[]) =>
    values.map((value, at) => ({ t: new Date(at * 10_000).toISOString(), value }));
  const result: MetricResult = {
    name: "m",
    unit: "1",
    type: "gauge",
    step_s: 10,
    truncated: false,
    series: [
      { labels: { route: "" }, points: points(null, null) },
      { labels: { route: "/a", method: "GET" }, points: points(1, null) },
      { labels: { route: "/b", method: "GET" }, points: points(5, 7) },
    ],
  };
  const { times, lines } = linesOf(result, "m");
  expect(times).toEqual([0, 10]);
  expect(lines.map(({ label, last, mean, max }) => [label, last, mean, max])).toEqual([
    ["/b, GET", 7, 6, 7],
    ["/a, GET", 1, 1, 1],
    ["(none)", null, null, null],
  ]);
});

test("lines whose labels read the same are told apart", () => {
  const points = [{ t: "2026-01-01T00:00:00Z", value: 1 }];
  const series = [
    { labels: { host: "a, b", zone: "c" }, points },
    { labels: { host: "a", zone: "b, c" }, points },
  ];
  const { lines } = linesOf(
    { name: "m", unit: "1", type: "gauge", step_s: 10, truncated: false, series },
    "m",
  );
  expect(new Set(lines.map(({ label }) => label)).size).toBe(1);
  expect(new Set(lines.map(({ key }) => key)).size).toBe(2);
});
