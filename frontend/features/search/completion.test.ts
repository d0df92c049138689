import { expect, test } from "vitest";
import type { CompletionList } from "@/api/types";
import { accepted, stepped } from "./completion";

const list = (start: number, end: number): CompletionList => ({ start, end, items: [] });
const field = { text: "service", kind: "field", description: "", entries: null } as const;
const value = { text: "web", kind: "value", description: "", entries: 7 } as const;

test("a name that is accepted waits for its value", () => {
  expect(accepted({ text: "x ser", cursor: 5 }, list(2, 5), field)).toEqual({
    text: "x service:",
    cursor: 10,
  });
});

test("a value that is accepted is whole, and what stands behind it stays", () => {
  expect(accepted({ text: "service:w", cursor: 9 }, list(8, 9), value)).toEqual({
    text: "service:web ",
    cursor: 12,
  });
  expect(accepted({ text: "service:w level:error", cursor: 9 }, list(8, 9), value)).toEqual({
    text: "service:web level:error",
    cursor: 12,
  });
});

test("arrows go round, by way of none", () => {
  expect([stepped(-1, 1, 3), stepped(0, 1, 3), stepped(2, 1, 3)]).toEqual([0, 1, -1]);
  expect([stepped(-1, -1, 3), stepped(0, -1, 3)]).toEqual([2, -1]);
  expect(stepped(-1, 1, 0)).toBe(-1);
});
