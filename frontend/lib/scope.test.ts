import { expect, test } from "vitest";
import { scopeOf } from "./scope";

const parse = (query: string) => scopeOf(new URLSearchParams(query));

test("without a choice, the application alone is shown", () => {
  expect(parse("")).toEqual({ service: null, scope: "application" });
});

test("everything includes the platform's own", () => {
  expect(parse("service=*")).toEqual({ service: null, scope: "all" });
});

test("a service that was asked for is shown even if it is the platform's", () => {
  expect(parse("service=api")).toEqual({ service: "api", scope: "all" });
});

test("the lines of a trace are never cut", () => {
  expect(parse("trace_id=ab")).toEqual({ service: null, scope: "all" });
});
