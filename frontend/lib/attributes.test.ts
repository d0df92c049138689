import { expect, test } from "vitest";
import { sortedAttributes } from "./attributes";

test("attributes are in the order of their names", () => {
  expect(sortedAttributes({ b: "1", a: "2" })).toEqual([
    ["a", "2"],
    ["b", "1"],
  ]);
});
