import { expect, test } from "vitest";
import { rowsInView, scrollTopFor } from "./row-window";

test("of ten thousand rows only those in view and a few around them are drawn", () => {
  const { first, end } = rowsInView(26 * 5000, 520, 26, 10_000);
  expect(first).toBe(4988);
  expect(end).toBe(5032);
});

test("the ends of the list are not passed, and a list that became shorter shows something", () => {
  expect(rowsInView(0, 520, 26, 3)).toEqual({ first: 0, end: 3 });
  expect(rowsInView(26 * 9000, 520, 26, 10)).toEqual({ first: 9, end: 10 });
  expect(rowsInView(0, 520, 26, 0)).toEqual({ first: 0, end: 0 });
});

test("a row in view is not scrolled to; another comes to the middle", () => {
  expect(scrollTopFor(3, 0, 260, 26)).toBeNull();
  expect(scrollTopFor(100, 0, 260, 26)).toBe(100 * 26 - 117);
  expect(scrollTopFor(0, 500, 260, 26)).toBe(0);
});
