import { expect, test } from "vitest";
import type { Recovery, RecoveryOperation } from "@/api/types";
import {
  barOf,
  isoOf,
  isRestorable,
  kindName,
  momentAt,
  operationTone,
  outcomeOf,
  rangeOf,
  shareOf,
  standingOf,
  targetFromParams,
  ticksOf,
} from "./model";

const NOON = Date.parse("2026-05-01T12:00:00Z");
const HOUR = 3_600_000;
const RANGE = { from: NOON - 4 * HOUR, until: NOON };
const at = (time: number) => new Date(time).toISOString();
const recovery = (given: Partial<Recovery>) =>
  ({ now: at(NOON), backups: [], repositories: [], windows: [], ...given }) as unknown as Recovery;

test("a stretch is cut at the ends of the timeline", () => {
  expect(barOf(at(NOON - 8 * HOUR), at(NOON - 2 * HOUR), RANGE)).toEqual({ left: 0, width: 50 });
  expect(barOf(at(NOON - HOUR), null, RANGE)).toEqual({ left: 75, width: 25 });
  expect(barOf(at(NOON - 9 * HOUR), at(NOON - 8 * HOUR), RANGE)).toBeNull();
});

test("a place on the timeline and its moment lead to each other", () => {
  expect(momentAt(0.25, RANGE)).toBe(NOON - 3 * HOUR);
  expect(shareOf(momentAt(0.25, RANGE), RANGE)).toBe(25);
});

test("a pointer beside the timeline picks its end", () => {
  expect(momentAt(-1, RANGE)).toBe(RANGE.from);
  expect(momentAt(7, RANGE)).toBe(RANGE.until);
});

test("marks of the axis are round and few", () => {
  const ticks = ticksOf(RANGE, 6);
  expect(ticks.length).toBeGreaterThan(1);
  expect(ticks.length).toBeLessThanOrEqual(6);
  for (const tick of ticks) expect(tick % HOUR).toBe(0);
});

test("a range that is not known shows everything, and never less than ten minutes", () => {
  const { name, span } = rangeOf("century", recovery({}));
  expect(name).toBe("all");
  expect(span.until - span.from).toBeGreaterThanOrEqual(600_000);
});

test("only a moment within a window can come back", () => {
  const windows = [{ from_at: at(NOON - 2 * HOUR), until_at: at(NOON - HOUR), backup: "b" }];
  expect(isRestorable(NOON - HOUR, recovery({ windows }))).toBe(true);
  expect(isRestorable(NOON, recovery({ windows }))).toBe(false);
});

test("the target of an address is a moment, a name, or nothing", () => {
  const read = (query: string) => targetFromParams(new URLSearchParams(query));
  expect(read("to=2026-05-01T12:00:00Z")?.at).toBe(NOON);
  expect(read("to=release:7f3a")).toEqual({ to: "release:7f3a", at: null });
  expect(read("")).toBeNull();
  expect(isoOf(NOON)).toBe("2026-05-01T12:00:00Z");
});

const operation = (given: Partial<RecoveryOperation>) =>
  ({ kind: "verify", state: "done", request: {}, result: {}, error: null, ...given }) as RecoveryOperation;

test("a verification that found something is bad although it is done", () => {
  const found = operation({ result: { passed: false, backup: "b", findings: ["a chunk is missing"] } });
  expect(operationTone(found)).toBe("bad");
  expect(outcomeOf(found)).toBe("a chunk is missing");
  expect(operationTone(operation({ result: { passed: true } }))).toBe("ok");
});

test("a drill is named by what it rehearses, and tells its verdict or what it found", () => {
  const drill = operation({ kind: "drill", request: { kind: "lose-host" } });
  expect(kindName(drill)).toBe("Drill: loss of the machine");
  expect(outcomeOf({ ...drill, result: { passed: true, verdict: "PASSED", findings: [] } })).toBe("PASSED");
  const failed = { ...drill, result: { passed: false, verdict: "FAILED", findings: ["no key"] } };
  expect(outcomeOf(failed)).toBe("no key");
  expect(operationTone(failed)).toBe("bad");
});

test("telemetry that a backup lacks, and that came back, is told", () => {
  const backup = operation({ result: { backup: "b-full", telemetry_problem: "the store does not answer" } });
  expect(outcomeOf(backup)).toBe("b-full, without telemetry: the store does not answer");
  const back = operation({ kind: "restore", request: { telemetry: true, to: "latest" } });
  expect(kindName(back)).toBe("Telemetry brought back");
  expect(outcomeOf({ ...back, result: { restored: "telemetry", rows: 7, backup: "b-full" } })).toBe(
    "7 rows of b-full",
  );
});

test("telemetry that is stored is told with its rows, and with its backup before its end", () => {
  const storing = operation({ kind: "telemetry", request: { backup: "b-full" } });
  expect(kindName(storing)).toBe("Telemetry of a backup");
  expect(outcomeOf({ ...storing, result: { backup: "b-full", telemetry_rows: 7 } })).toBe("7 rows of b-full");
  expect(outcomeOf({ ...storing, state: "running", result: {} })).toBe("b-full");
});

test("an unverified backup never looks good", () => {
  expect(standingOf("unverified").tone).toBe("unknown");
  expect(standingOf("something new").tone).toBe("unknown");
  expect(standingOf("restored").tone).toBe("ok");
});
