import { expect, test } from "vitest";
import { includes } from "./role";

test("a higher role may what a lower one may", () => {
  expect(includes("administrator", "operator")).toBe(true);
  expect(includes("operator", "operator")).toBe(true);
});

test("a lower or an unknown role may not", () => {
  expect(includes("viewer", "operator")).toBe(false);
  expect(includes("operator", "administrator")).toBe(false);
  expect(includes(undefined, "viewer")).toBe(false);
  expect(includes("king", "viewer")).toBe(false);
});
