import { expect, test } from "vitest";
import { sparklinePath } from "./sparkline-path";

test("a line goes through every known value, the highest at the top", () => {
  expect(sparklinePath([0, 5, 10], 100, 24)).toBe("M0.0 22.0L50.0 12.0L100.0 2.0");
});

test("an unknown value is a gap, not a zero", () => {
  expect(sparklinePath([1, null, 1], 100, 24, 1)).toBe("M0.0 2.0M100.0 2.0");
});

test("nothing known draws nothing, and zeros stay at the bottom", () => {
  expect(sparklinePath([null], 100, 24)).toBe("");
  expect(sparklinePath([0, 0], 100, 24)).toBe("M0.0 22.0L100.0 22.0");
});
