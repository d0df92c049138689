import { describe, expect, test } from "vitest";
import {
  askedOf,
  type Draft,
  derivedIn,
  draftFromParams,
  isNothing,
  problemOf,
  progressOf,
  recordsIn,
  searchesOf,
  toneOf,
  wordsOf,
} from "./model";

const DRAFT: Draft = { signal: "both", q: " user.id:42 ", from: "2026-01-01T00:00", to: "2026-02-01T00:00" };
const FALLBACK = { from: "2026-03-01T00:00:00", to: "2026-03-02T00:00:00" };

test("an address that cannot be read leads to a page that works", () => {
  const read = (text: string) => draftFromParams(new URLSearchParams(text), FALLBACK);
  expect(read("signal=pictures&from=soon")).toEqual({ signal: "both", q: "", ...FALLBACK });
  expect(read("signal=logs&q=user.id:42&from=2026-01-01T00:00:00Z").signal).toBe("logs");
  expect(read("from=2026-01-01T00:00:00Z").from).toBe("2026-01-01T00:00:00Z");
});

test("a search is wanted, and an end after the start", () => {
  expect(problemOf(DRAFT)).toBeNull();
  expect(problemOf({ ...DRAFT, q: "  " })?.field).toBe("q");
  expect(problemOf({ ...DRAFT, from: "" })?.field).toBe("from");
  expect(problemOf({ ...DRAFT, to: "" })?.field).toBe("to");
  expect(problemOf({ ...DRAFT, to: DRAFT.from })?.field).toBe("to");
});

test.each([
  ["both", "user.id:42", "user.id:42"],
  ["logs", "user.id:42", null],
  ["traces", null, "user.id:42"],
] as const)("from %s, only that is asked to be deleted", (signal, logs, traces) => {
  expect(askedOf({ ...DRAFT, signal })).toMatchObject({ logs, traces });
});

describe("counts", () => {
  const counts = { edge_requests: 3, exceptions: 1, logs: 2, trace_index: 4, spans: 0, traces: 0 };
  test("are told by the names that people know", () => {
    expect(recordsIn(counts)).toEqual([
      { name: "log lines", rows: 2 },
      { name: "traces", rows: 0 },
      { name: "spans", rows: 0 },
    ]);
    expect(recordsIn({ logs: 0 })).toEqual([{ name: "log lines", rows: 0 }]);
    expect(derivedIn(counts)).toBe("3 requests, 1 exception");
    expect(wordsOf(counts)).toBe("2 log lines, 3 requests, 1 exception");
  });
  test("of nothing say so", () => {
    expect(isNothing({ logs: 0, exceptions: 0 })).toBe(true);
    expect(isNothing({ logs: 0, exceptions: 1 })).toBe(false);
    expect(wordsOf({ logs: 0 })).toBe("nothing");
  });
});

test("a job says what it waits for, then how far it is", () => {
  const queued = { state: "queued", progress: null, awaited_segments: null } as const;
  expect(progressOf(queued)).toEqual({ share: null, text: "Begins shortly." });
  expect(progressOf({ ...queued, awaited_segments: 1 }).text).toContain("1 segment to go");
  const progress = { step: 3, steps: 4, table: "log_patterns", rows: 1 };
  expect(progressOf({ state: "running", progress, awaited_segments: null })).toEqual({
    share: 0.5,
    text: "Step 3 of 4: counts of patterns, 1 row is gone.",
  });
});

test("a job that could not reach everything does not look like one that did", () => {
  expect(toneOf({ state: "done", detail: "" })).toBe("ok");
  expect(toneOf({ state: "done", detail: "2 segments were not stored" })).toBe("unknown");
  expect(toneOf({ state: "failed", detail: "no room" })).toBe("bad");
  expect(toneOf({ state: "queued", detail: "" })).toBe("pending");
});

test("a search over logs and traces stands once", () => {
  expect(searchesOf({ logs: "a", traces: "a" })).toEqual([{ of: "logs and traces", q: "a" }]);
  expect(searchesOf({ logs: "a", traces: "b" }).map(({ of }) => of)).toEqual(["logs", "traces"]);
});
