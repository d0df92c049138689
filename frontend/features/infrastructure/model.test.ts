import { expect, test } from "vitest";
import type { Host, MetricResult } from "@/api/types";
import { chosenHost, hostQuery, isSilent, runningOf, runningQuery, shareOf } from "./model";

const NOW = Date.parse("2026-01-01T00:10:00Z");
const host = (name: string): Host => ({
  host: name,
  first_seen: "2026-01-01T00:00:00Z",
  last_seen: "2026-01-01T00:09:00Z",
  cpu_ratio: null,
  memory_bytes: null,
  memory_limit_bytes: null,
  filesystem_bytes: null,
  filesystem_limit_bytes: null,
  services: [],
});

function result(...series: [Record<string, string>, ...(number | null)[]][]): MetricResult {
  const shown = series.map(([labels, ...values]) => ({
    labels,
    points: values.map((value) => ({ t: "2026-01-01T00:00:00Z", value })),
  }));
  return { name: "m", unit: "1", type: "gauge", step_s: 10, truncated: false, series: shown };
}

test("a host that is alone is chosen by itself, among several only by the address", () => {
  expect(chosenHost(null, [host("a")])).toBe("a");
  expect(chosenHost(null, [host("a"), host("b")])).toBeNull();
  expect(chosenHost("b", [host("a"), host("b")])).toBe("b");
});

test("a host is silent after two minutes, and a share of an unknown limit is unknown", () => {
  expect(isSilent(host("a"), NOW)).toBe(false);
  expect(isSilent(host("a"), NOW + 90_000)).toBe(true);
  expect([shareOf(1, 4), shareOf(1, null), shareOf(null, 4), shareOf(1, 0)]).toEqual([
    0.25,
    null,
    null,
    null,
  ]);
});

test("figures are asked of one host, however it is called", () => {
  expect(hostQuery("my host", "system.disk.io", true)).toEqual({
    name: "system.disk.io",
    aggregate: "sum",
    rate: true,
    group_by: ["direction"],
    q: 'host.name:"my host"',
  });
  expect(runningQuery("vm", "process.memory.usage", "process").group_by).toEqual([
    "insight.process",
    "service",
  ]);
});

test("what runs is joined from its figures, the busiest first, and what ended is left out", () => {
  const web = { service: "web" };
  const gone = { service: "gone" };
  const rows = runningOf(
    {
      cpu: result([{ service: "db" }, 0.1], [web, 0.2, null], [gone, 0.9, null, null, null, null]),
      memory: result([web, 100, 200]),
      read: result([web, 5]),
      write: undefined,
    },
    "service",
    [
      {
        service: "web",
        colour: "blue",
        release: "r",
        requests: 1,
        requests_per_s: 1,
        error_ratio: 0,
        p95_ms: 1,
        sent_bytes_per_s: 7,
      },
    ],
  );
  expect(
    rows.map(({ name, cpu, memory, read, write, sent }) => [name, cpu, memory, read, write, sent]),
  ).toEqual([
    ["web", 0.2, 200, 5, null, 7],
    ["db", 0.1, null, null, null, null],
  ]);
});
