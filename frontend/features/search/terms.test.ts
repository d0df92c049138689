import { describe, expect, test } from "vitest";
import { bothOf, choiceOf, choicesOf, isSearchable, quoted, termsOf, withChoice } from "./terms";

test("terms end at spaces outside of quotes and parentheses", () => {
  expect(termsOf('level:error "card  declined" name:(a OR "b c") -x')).toEqual([
    "level:error",
    '"card  declined"',
    'name:(a OR "b c")',
    "-x",
  ]);
  expect(termsOf('  body:"say \\"hi there\\"" ')).toEqual(['body:"say \\"hi there\\""']);
  expect(termsOf("")).toEqual([]);
});

test("a value is quoted when the language would read something else into it", () => {
  expect(quoted("web")).toBe("web");
  expect(quoted("/api/v1")).toBe("/api/v1");
  expect(quoted("127.0.0.1:80")).toBe("127.0.0.1:80");
  for (const value of ["two words", "*", "/api/*", "", "OR", "-1", ">5", "~x", "(a)", "a|b"]) {
    expect(quoted(value)).toBe(`"${value}"`);
  }
  expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"');
});

test("only what the language can name is searched for by name", () => {
  expect(isSearchable("http.response.status_code")).toBe(true);
  expect(isSearchable("two words")).toBe(false);
  expect(isSearchable("9lives")).toBe(false);
});

test("the values that a search chooses are told as they are, without patterns and comparisons", () => {
  const q = 'x -level:info name:(GET OR "two \\"words\\"") path:/a* status:>=500 name:~^G trace:* level:info';
  expect(choicesOf(q)).toEqual([
    { name: "level", value: "info", choice: "excluded" },
    { name: "name", value: "GET", choice: "included" },
    { name: "name", value: 'two "words"', choice: "included" },
  ]);
});

describe("choosing a value", () => {
  test("adds a term, and the same again takes it away", () => {
    const chosen = withChoice("declined", "service", "web", "included");
    expect(chosen).toBe("declined service:web");
    expect(choiceOf(chosen, "service", "web")).toBe("included");
    expect(withChoice(chosen, "service", "web", null)).toBe("declined");
  });

  test("of a field that has one already makes them alternatives", () => {
    const two = withChoice("service:web x", "service", "edge", "included");
    expect(two).toBe("service:(web OR edge) x");
    expect(choiceOf(two, "service", "edge")).toBe("included");
    expect(withChoice(two, "service", "web", null)).toBe("service:edge x");
  });

  test("can leave it out instead, whatever was chosen before", () => {
    expect(withChoice("level:info", "level", "info", "excluded")).toBe("-level:info");
    expect(withChoice("-level:info", "level", "info", "included")).toBe("level:info");
    expect(choiceOf("-level:info", "level", "info")).toBe("excluded");
    expect(withChoice("-level:info", "level", "debug", "excluded")).toBe("-level:info -level:debug");
  });

  test("keeps alternatives that were written by hand together", () => {
    expect(withChoice("a OR b", "service", "web", "included")).toBe("(a OR b) service:web");
  });

  test("leaves comparisons and patterns of the same field alone", () => {
    expect(withChoice("status:>=500", "status", "502", "included")).toBe("status:>=500 status:502");
    expect(choiceOf("status:>=500", "status", "500")).toBeNull();
  });
});

test("two searches are joined, and one that is empty adds nothing", () => {
  expect(bothOf("a OR b", '"card declined"')).toBe('(a OR b) "card declined"');
  expect(bothOf(" ", "x")).toBe("x");
  expect(bothOf("x", "")).toBe("x");
});
