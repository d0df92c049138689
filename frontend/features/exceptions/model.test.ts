import { expect, test } from "vitest";
import { countsOf, headlineOf, linesWith, nameOf } from "./model";

test("an exception is called by the last part of its type", () => {
  expect(nameOf({ type: "shop.payments.TimeoutError" })).toEqual({
    name: "TimeoutError",
    of: "shop.payments",
  });
  expect(nameOf({ type: "App\\Http\\NotFound" })).toEqual({ name: "NotFound", of: "App\\Http" });
  expect(nameOf({ type: "ValueError" })).toEqual({ name: "ValueError", of: "" });
  expect(nameOf({ type: "" }).name).toBe("Without a type");
});

test("its headline is the first line that says something", () => {
  expect(headlineOf({ message: "\n  no answer\nat x" })).toBe("no answer");
  expect(headlineOf({ message: "" })).toBe("");
});

test("its lines are found by its type, if it has one", () => {
  expect(linesWith({ type: "a.B" })).toBe("exception.type:a.B");
  expect(linesWith({ type: "a b" })).toBe('exception.type:"a b"');
  expect(linesWith({ type: "" })).toBeNull();
});

test("its occurrences are drawn slot by slot", () => {
  const points = [{ t: "1970-01-01T00:00:10Z", occurrences: 3 }];
  expect(countsOf({ points })).toEqual({ times: [10], values: [3] });
});
