import { expect, test } from "vitest";
import { isWorthRetrying, ProblemError, problemFromFailure, problemFromResponse } from "./problem";

test("a problem document keeps its detail, hint and request id", () => {
  const problem = problemFromResponse(
    503,
    { title: "Unavailable", detail: "store does not answer", hint: "insight status", request_id: "r1" },
    "header",
  );
  expect(problem).toMatchObject({
    title: "Unavailable",
    detail: "store does not answer",
    hint: "insight status",
    requestId: "r1",
    kind: "failed",
  });
});

test("an answer that is no problem document still names its status and request id", () => {
  const problem = problemFromResponse(502, "<html>", "r2");
  expect(problem.title).toBe("The server answered with 502");
  expect(problem.requestId).toBe("r2");
  expect(problem.detail).toContain("cannot be reached");
});

test("errors of single fields are kept, in either spelling", () => {
  const errors = [
    { loc: ["body", "password"], msg: "too short" },
    { field: "email", message: "not an address" },
    "noise",
    { field: "x" },
  ];
  expect(problemFromResponse(400, { errors }, null).fields).toEqual([
    { field: "password", message: "too short" },
    { field: "email", message: "not an address" },
  ]);
});

test.each([
  [401, "unauthenticated"],
  [403, "forbidden"],
  [404, "not_found"],
  [429, "limited"],
  [400, "failed"],
])("status %d is of kind %s", (status, kind) => {
  expect(problemFromResponse(status, null, null).kind).toBe(kind);
});

test("a request without an answer is offline and worth another try", () => {
  const problem = problemFromFailure(new TypeError("Failed to fetch"));
  expect(problem.kind).toBe("offline");
  expect(isWorthRetrying(problem)).toBe(true);
});

test("a refusal is not tried again", () => {
  expect(isWorthRetrying(new ProblemError(401, "", ""))).toBe(false);
  expect(isWorthRetrying(new Error("bug"))).toBe(false);
});
