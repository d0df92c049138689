import { expect, test } from "vitest";
import type { ReleaseChange, ReleaseEntry, ReleaseState } from "@/api/types";
import {
  changesInShort,
  comparisonOf,
  gateValue,
  isOver,
  journalLines,
  merged,
  shortDigest,
  UNITS,
  unitInAddress,
  unitOf,
  windowLeft,
} from "./model";

const entry = (seq: number, step: string, phase: string, detail: Record<string, unknown> = {}) =>
  ({ seq, at: "2026-05-01T12:00:00Z", step, phase, detail }) as ReleaseEntry;
const change = (part: ReleaseChange["part"], name: string): ReleaseChange => ({
  part,
  name,
  before: null,
  after: "1",
});

test("an operation that waits for a person is not over", () => {
  expect(isOver("waiting")).toBe(false);
  expect(isOver("held")).toBe(false);
  expect(isOver("cancelled")).toBe(true);
});

test("what changed is said in one line", () => {
  const changes = [change("artefact", "web"), change("config", "compose file"), change("schema", "web")];
  expect(changesInShort(changes)).toBe("web · configuration · schema");
  expect(changesInShort([])).toBe("");
  const many = ["a", "b", "c", "d"].map((name) => change("artefact", name));
  expect(changesInShort([...many, change("secret", "key")])).toBe("4 artefacts · 1 secret");
});

test("entries that came twice stand once, in the order of the journal", () => {
  const kept = [entry(1, "start", "intent"), entry(2, "start", "done")];
  const heard = [entry(3, "health", "intent"), entry(2, "start", "done")];
  expect(merged(kept, heard).map((one) => one.seq)).toEqual([1, 2, 3]);
});

test("the same note over and over is one line that counts", () => {
  const lines = journalLines([
    entry(1, "health", "intent"),
    entry(2, "health", "note", { line: "web: refused after 0 ms" }),
    entry(3, "health", "note", { line: "web: refused after 3 ms" }),
    entry(4, "health", "note", { line: "web: HTTP 200 after 415 ms" }),
    entry(5, "health", "done", { took_ms: 1500 }),
  ]);
  expect(lines.map(({ phase, text, times }) => [phase, text, times])).toEqual([
    ["done", "1.5s", 1],
    ["note", "web: refused after 3 ms", 2],
    ["note", "web: HTTP 200 after 415 ms", 1],
  ]);
});

test("a step that has begun and not ended is shown as begun", () => {
  expect(journalLines([entry(1, "watch", "intent")]).map((line) => line.phase)).toEqual(["intent"]);
});

test("a figure is shown in the unit of its gate, and an unknown one never as zero", () => {
  expect(gateValue("most_errors", 0.02)).toBe("2%");
  expect(gateValue("p95_ratio", 1.204)).toBe("1.20×");
  expect(gateValue("slowest_p95", 250)).toBe("250ms");
  expect(gateValue("most_restarts", null)).toBe("—");
});

test("digests are cut, short values stay", () => {
  expect(shortDigest("sha256:0123456789abcdef0123")).toBe("0123456789ab");
  expect(shortDigest("0002")).toBe("0002");
  expect(shortDigest(null)).toBe("—");
});

const point = (requests: number) => ({
  t: "2026-05-01T12:00:00Z",
  requests,
  requests_per_s: requests,
  errors: 0,
  error_ratio: requests ? 0 : null,
  p50_ms: null,
  p95_ms: requests ? 12 : null,
  p99_ms: null,
});

test("releases without any request are not compared", () => {
  const traffic = { moved_at: null, step_s: 1, releases: [{ release: "a", points: [point(0)] }] };
  expect(comparisonOf(traffic)).toBeNull();
  expect(comparisonOf({ moved_at: null, step_s: null, releases: [] })).toBeNull();
});

test("the new release comes first and both have every time", () => {
  const found = comparisonOf({
    moved_at: null,
    step_s: 1,
    releases: [
      { release: "new1", points: [point(3)] },
      { release: "old1", points: [point(0)] },
    ],
  });
  expect(found?.names).toEqual(["new new1", "previous old1"]);
  expect(found?.p95).toEqual([[12], [null]]);
});

test("the rollback window is over when its time is", () => {
  const state = { warm: "a", warm_until: "2026-05-01T12:00:10Z" } as ReleaseState;
  expect(windowLeft(state, Date.parse("2026-05-01T12:00:00Z"))).toBe(10_000);
  expect(windowLeft(state, Date.parse("2026-05-01T12:00:10Z"))).toBeNull();
  expect(windowLeft({ ...state, warm: null }, 0)).toBeNull();
});

test("the unit is the one that the address names, else the application", () => {
  expect(unitOf("console")).toBe("console");
  expect(unitOf(null)).toBe("application");
  expect(unitOf("nothing of ours")).toBe("application");
});

test("another unit closes the operation that is open, and the application needs no word in the address", () => {
  expect(unitInAddress("console")).toEqual({ unit: "console", op: null });
  expect(unitInAddress("application")).toEqual({ unit: null, op: null });
  for (const { value } of UNITS) expect(unitOf(unitInAddress(value).unit)).toBe(value);
});
