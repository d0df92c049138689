import { expect, test } from "vitest";
import { axisWidth, newestKnown, timeMarks } from "./axes";

const at = (...parts: [number, number, number, number, number, number]) =>
  new Date(...parts).getTime() / 1000;

test("marks show seconds only where they differ by less than a minute", () => {
  const time = at(2026, 0, 2, 13, 4, 30);
  expect(timeMarks([time], 30)).toEqual(["13:04:30"]);
  expect(timeMarks([time], 60)).toEqual(["13:04"]);
});

test("midnight is marked with its day", () => {
  expect(timeMarks([at(2026, 0, 2, 0, 0, 0)], 3600)).toEqual(["2 Jan"]);
  expect(timeMarks([at(2026, 0, 2, 0, 0, 0)], 60)).toEqual(["00:00"]);
});

test("the axis is as wide as its longest mark", () => {
  expect(axisWidth(["1", "1.5 MiB/s"])).toBeGreaterThan(axisWidth(["1", "2"]));
  expect(axisWidth(null)).toBe(34);
});

test("a slot that has only begun does not hide the value before it", () => {
  expect(newestKnown([[1, 2, null]])).toBe(1);
  expect(
    newestKnown([
      [1, 2, null],
      [1, 2, 3],
    ]),
  ).toBe(1);
  expect(newestKnown([[null, 2], [null]])).toBe(1);
  expect(newestKnown([[null, null]])).toBe(1);
  expect(newestKnown([])).toBe(-1);
});
