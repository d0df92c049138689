import { expect, test } from "vitest";
import { isJoined, mergeNewestFirst, neighbourOf } from "./live-list";

type Line = { id: string; at: string; text?: string };
const identity = { idOf: (line: Line) => line.id, timeOf: (line: Line) => line.at };
const line = (id: string, second: number, text?: string): Line => ({
  id,
  at: `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`,
  ...(text ? { text } : {}),
});
const ids = (lines: readonly Line[]) => lines.map((each) => each.id);

test("newer entries come before those that were there", () => {
  expect(ids(mergeNewestFirst([line("c", 3)], [line("b", 2), line("a", 1)], identity))).toEqual([
    "c",
    "b",
    "a",
  ]);
});

test("an entry that arrives late finds its place among those that were there", () => {
  const merged = mergeNewestFirst([line("late", 2)], [line("b", 3), line("a", 1)], identity);
  expect(ids(merged)).toEqual(["b", "late", "a"]);
});

test("an entry that was read twice stands once, as it was read last", () => {
  const merged = mergeNewestFirst([line("a", 1, "now")], [line("a", 1, "then")], identity);
  expect(merged).toEqual([line("a", 1, "now")]);
});

test("entries of the same moment keep their order", () => {
  const merged = mergeNewestFirst([line("x", 2)], [line("b", 1), line("a", 1)], identity);
  expect(ids(merged)).toEqual(["x", "b", "a"]);
});

test("nothing new leaves the very list that is shown", () => {
  const shown = [line("a", 1)];
  expect(mergeNewestFirst([], shown, identity)).toBe(shown);
});

test("a newest page that is full and reaches nothing known leaves a gap", () => {
  const page = (next_cursor: string | null) => ({ items: [line("c", 3), line("b", 2)], next_cursor });
  expect(isJoined(page("more"), new Set(["a"]), identity.idOf)).toBe(false);
  expect(isJoined(page("more"), new Set(["b"]), identity.idOf)).toBe(true);
  expect(isJoined(page(null), new Set(), identity.idOf)).toBe(true);
});

test("the neighbour at the end of a list, or of an entry that is gone, is none", () => {
  const lines = [line("b", 2), line("a", 1)];
  expect(neighbourOf(lines, "b", 1, identity.idOf)?.id).toBe("a");
  expect(neighbourOf(lines, "a", 1, identity.idOf)).toBeNull();
  expect(neighbourOf(lines, "gone", -1, identity.idOf)).toBeNull();
});
