import { describe, expect, test } from "vitest";
import type { Span, Trace } from "@/api/types";
import { factsOf, failureOf, isArriving, isNarrowed, ticksOf, titleOf, traceQueryFromParams } from "./model";
import { aSpan } from "./span.fixture";

const trace = (spans: Span[], edge: Trace["edge"] = null): Trace => ({
  trace_id: "t",
  start: "2026-01-01T00:00:00Z",
  duration_ms: 1000,
  spans,
  total_spans: spans.length,
  truncated: false,
  missing_parents: [],
  edge,
});

describe("the filters in the address", () => {
  const parse = (query: string) => traceQueryFromParams(new URLSearchParams(query));

  test("are all read", () => {
    expect(parse("q=a&service=web&route=/x&min_ms=12.5&outcome=errors")).toEqual({
      q: "a",
      service: "web",
      scope: "all",
      route: "/x",
      min_duration_ms: 12.5,
      errors_only: true,
      status_min: null,
    });
    expect(parse("outcome=failed")).toMatchObject({ errors_only: false, status_min: 500 });
  });

  test.each(["min_ms=soon", "min_ms=-1", "min_ms=0", "min_ms=1e99", "outcome=odd", "service="])(
    "%s means nothing and is left out",
    (query) => {
      expect(isNarrowed(parse(query))).toBe(false);
    },
  );
});

describe("the facts of a span", () => {
  const texts = (name: string, attributes: Record<string, string>) =>
    factsOf({ name, attributes }).map((fact) => fact.text);

  test("are the status and the route, under their new and their old names", () => {
    expect(texts("GET", { "http.response.status_code": "200", "http.route": "/a" })).toEqual(["200", "/a"]);
    expect(texts("GET", { "http.status_code": "200", "http.target": "/a?b" })).toEqual(["200", "/a?b"]);
  });

  test("do not repeat what its name says", () => {
    expect(texts("GET /a", { "http.route": "/a" })).toEqual([]);
  });

  test("hold the statement on one line", () => {
    expect(texts("SELECT shop", { "db.query.text": "SELECT *\n   FROM x" })).toEqual(["SELECT * FROM x"]);
    expect(texts("SELECT", { "db.query.text": "SELECT * FROM x" })).toEqual(["* FROM x"]);
  });

  test("mark a status that is the server's fault, and no other", () => {
    const isBad = (status: string) =>
      factsOf({ name: "", attributes: { "http.response.status_code": status } })[0]?.isBad;
    expect([isBad("404"), isBad("503")]).toEqual([false, true]);
  });
});

describe("the failure of a span", () => {
  const exception = {
    t: "2026-01-01T00:00:00Z",
    name: "exception",
    attributes: { "exception.type": "ValueError", "exception.message": "no\nsuch" },
  };

  test("is its exception before its status", () => {
    const failed = aSpan({ status: "error", status_message: "bad", events: [exception] });
    expect(failureOf(failed)).toBe("ValueError: no such");
    expect(failureOf(aSpan({ status: "error", status_message: "bad" }))).toBe("bad");
  });

  test("is none when nothing failed, or nothing tells why", () => {
    expect(failureOf(aSpan({ status: "ok", status_message: "fine" }))).toBeNull();
    expect(failureOf(aSpan({ status: "error" }))).toBeNull();
  });
});

test("a trace is named after its root, else after the request at the edge", () => {
  const edge = { method: "GET", path: "/x" } as NonNullable<Trace["edge"]>;
  expect(titleOf(trace([aSpan({ parent_span_id: "gone" }), aSpan({ name: "root" })]))).toBe("root");
  expect(titleOf(trace([], edge))).toBe("GET /x");
  expect(titleOf(trace([]))).toBe("Trace");
});

test("a trace may still be growing until half a minute after its end", () => {
  const end = Date.parse("2026-01-01T00:00:01Z");
  expect(isArriving(trace([]), end + 29_000)).toBe(true);
  expect(isArriving(trace([]), end + 31_000)).toBe(false);
});

test("the ruler has its ends and equal steps", () => {
  expect(ticksOf(-10, 40)).toEqual([-10, 0, 10, 20, 30]);
});
