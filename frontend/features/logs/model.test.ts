import { describe, expect, test } from "vitest";
import { headline, isNarrowed, logQueryFromParams, severityOf } from "./model";

test.each([
  [0, "info"],
  [1, "trace"],
  [8, "debug"],
  [9, "info"],
  [13, "warn"],
  [17, "error"],
  [24, "fatal"],
  [99, "fatal"],
])("severity number %d is %s", (number, severity) => {
  expect(severityOf({ severity_number: number })).toBe(severity);
});

describe("the filters in the address", () => {
  const parse = (query: string) => logQueryFromParams(new URLSearchParams(query));

  test("are all read", () => {
    expect(parse("q=a+b&service=web&severity=warn&trace_id=ab&attr=a%3D1&attr=b%3D2")).toEqual({
      q: "a b",
      service: "web",
      severity_min: "warn",
      trace_id: "ab",
      attribute: ["a=1", "b=2"],
    });
  });

  test("that mean nothing are left out", () => {
    const query = parse("q=&severity=loud&attr=nonsense");
    expect(query).toMatchObject({ q: null, severity_min: null, attribute: [] });
    expect(isNarrowed(query)).toBe(false);
  });

  test("narrow the list when any is there", () => {
    for (const query of ["q=x", "service=x", "severity=error", "trace_id=x", "attr=a%3Db"]) {
      expect(isNarrowed(parse(query))).toBe(true);
    }
  });
});

test("the headline is the first line that says something", () => {
  expect(headline("\n\n  Traceback:\n  File x")).toBe("Traceback:");
  expect(headline("")).toBe("");
});
