import { describe, expect, test } from "vitest";
import {
  exceptionOf,
  headline,
  isNarrowed,
  logQueryFromParams,
  partsOf,
  severityOf,
  splitStack,
} from "./model";

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
      scope: "all",
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

test("the exception of an entry is its type and message, else the end of its stack trace", () => {
  const of = (attributes: Record<string, string>) => exceptionOf({ attributes });
  expect(of({ "exception.type": "ValueError", "exception.message": "no" })).toBe("ValueError: no");
  expect(of({ "exception.stacktrace": "Traceback:\n  File x\nKeyError: 'a'\n" })).toBe("KeyError: 'a'");
  expect(of({ path: "/" })).toBeNull();
});

test("the stack trace is set apart", () => {
  expect(splitStack({ "exception.stacktrace": "x", path: "/" })).toEqual({ stack: "x", rest: { path: "/" } });
  expect(splitStack({ path: "/" }).stack).toBeNull();
});

test("the headline is the first line that says something", () => {
  expect(headline("\n\n  Traceback:\n  File x")).toBe("Traceback:");
  expect(headline("")).toBe("");
});

test("a pattern is told apart from the places where its lines differ", () => {
  expect(partsOf("took <*> ms<...>")).toEqual([
    { text: "took ", isGap: false },
    { text: "<*>", isGap: true },
    { text: " ms", isGap: false },
    { text: "<...>", isGap: true },
  ]);
});
