import { expect, test } from "vitest";
import type { Span } from "@/api/types";
import { ancestorsOf, failuresOf, matchesOf, nextOf } from "./find";
import { layoutTrace } from "./layout";
import { aSpan } from "./span.fixture";

function span(id: string, parent: string | null, more: Partial<Span> = {}): Span {
  return aSpan({ span_id: id, parent_span_id: parent, name: `span ${id}`, ...more });
}

const rows = layoutTrace([
  span("a", null),
  span("b", "a", { attributes: { "db.query.text": "SELECT * FROM Orders" } }),
  span("c", "b", { status: "error" }),
  span("d", "a", { service: "payments" }),
]);

test("a span is found by what it says, in any case", () => {
  expect(matchesOf(rows, "orders")).toEqual([1]);
  expect(matchesOf(rows, "PAYMENTS")).toEqual([3]);
  expect(matchesOf(rows, "  ")).toEqual([]);
  expect(failuresOf(rows)).toEqual([2]);
});

test("the next one is looked for from where one stands, and round the end", () => {
  expect(nextOf([1, 4], 2, 1)).toBe(4);
  expect(nextOf([1, 4], 4, 1)).toBe(1);
  expect(nextOf([1, 4], 1, -1)).toBe(4);
  expect(nextOf([], 1, 1)).toBeNull();
});

test("what is hidden by folded rows is found through its ancestors", () => {
  expect(ancestorsOf(rows, 2)).toEqual(["b", "a"]);
  expect(ancestorsOf(rows, 0)).toEqual([]);
});
