import { expect, test } from "vitest";
import { zoomByKey, zoomFrom, zoomTo } from "./zoom";

const whole = { start: 0, length: 200 };

test("a part of a trace stands in the address and is read back", () => {
  const part = zoomTo(whole, 0.75, 0.25);
  expect(part).toBe("50-150");
  expect(zoomFrom(part, whole)).toEqual({ start: 50, length: 100 });
  expect(zoomTo({ start: 50, length: 100 }, 0, 0.5)).toBe("50-100");
});

test("what cannot be read, or is outside, is the whole trace", () => {
  for (const text of [null, "", "x", "5", "20-10", "900-1000", "1-1"])
    expect(zoomFrom(text, whole)).toEqual(whole);
  expect(zoomFrom("-50-100", whole)).toEqual({ start: 0, length: 100 });
});

test("a click is no part", () => {
  expect(zoomTo(whole, 0.5, 0.501)).toBeNull();
});

test("keys look closer, farther and to the sides, and never outside", () => {
  expect(zoomByKey("+", whole, whole)).toBe("50-150");
  expect(zoomByKey("-", whole, { start: 50, length: 100 })).toBeNull();
  expect(zoomByKey("ArrowRight", whole, { start: 50, length: 100 })).toBe("75-175");
  expect(zoomByKey("ArrowLeft", whole, { start: 0, length: 50 })).toBe("0-50");
  expect(zoomByKey("Escape", whole, { start: 0, length: 50 })).toBeNull();
  expect(zoomByKey("x", whole, whole)).toBeUndefined();
});
