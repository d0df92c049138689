import { expect, test } from "vitest";
import { lookOf } from "./units";

type Asked = [
  unit: string,
  isRate: boolean,
  aggregate: Parameters<typeof lookOf>[2],
  type: string,
  name?: string,
];

function look(...[unit, isRate, aggregate, type, name = "some.metric"]: Asked) {
  return lookOf({ name, unit, type }, isRate, aggregate);
}
const written = (value: number, ...asked: Asked) => look(...asked).format(value);

test("a duration, a size and a share are written as such", () => {
  expect(written(0.25, "s", false, "p95", "histogram")).toBe("250ms");
  expect(written(2048, "By", false, "avg", "gauge")).toBe("2 KiB");
  expect(written(0.25, "1", false, "avg", "gauge", "system.cpu.utilization")).toBe("25%");
  expect(written(3, "1", false, "avg", "gauge", "postgresql.backends")).toBe("3");
  expect(written(25, "%", false, "avg", "gauge")).toBe("25%");
  expect(written(12_000, "{request}", false, "sum", "sum")).toBe("12k");
});

test("a rate says by the second of what", () => {
  expect(written(2048, "By", true, "sum", "sum")).toBe("2 KiB/s");
  expect(written(2048, "By/s", false, "avg", "gauge")).toBe("2 KiB/s");
  expect(written(3, "s", true, "sum", "histogram")).toBe("3/s");
  expect(written(3, "{request}", true, "sum", "sum")).toBe("3/s");
});

test("a count of series has no unit, and what is unknown is no number", () => {
  expect(written(3, "By", false, "count", "gauge")).toBe("3");
  expect(look("s", false, "avg", "gauge").format(null)).toBe("—");
});
