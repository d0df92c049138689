import { expect, test } from "vitest";
import { cellText, csvOf, isNumeric, sqlFromParams } from "./model";

test("a statement and its limits stand in the address, and limits beyond what is allowed are the default", () => {
  expect(sqlFromParams(new URLSearchParams("sql=SELECT+1&rows=100&s=5"))).toEqual({
    sql: "SELECT 1",
    most_rows: 100,
    timeout_s: 5,
  });
  expect(sqlFromParams(new URLSearchParams("rows=99999&s=x"))).toEqual({
    sql: "",
    most_rows: 1000,
    timeout_s: 20,
  });
});

test("values of every kind are written", () => {
  expect([null, 0, "a", true, ["x", 1], { k: 2 }].map(cellText)).toEqual([
    "NULL",
    "0",
    "a",
    "true",
    '["x",1]',
    '{"k":2}',
  ]);
});

test("numbers are told by their type", () => {
  expect(
    ["UInt64", "Nullable(Float64)", "LowCardinality(String)", "String", "DateTime64(9)"].map(isNumeric),
  ).toEqual([true, true, false, false, false]);
});

test("an answer is written as a spreadsheet reads it", () => {
  expect(
    csvOf(
      [{ name: "a" }, { name: "b,c" }],
      [
        ['x"y', null],
        [1, "two\nlines"],
      ],
    ),
  ).toBe('a,"b,c"\r\n"x""y",\r\n1,"two\nlines"\r\n');
});

test("what a visitor wrote is no formula in a spreadsheet, and a number stays one", () => {
  const rows = [['=HYPERLINK("http://x")'], ["@SUM(1)"], ["-1+2"], ["-5"], [-7.5], ["+1e9"], ["a=b"]];
  expect(csvOf([{ name: "UserAgent" }], rows).split("\r\n")).toEqual([
    "UserAgent",
    `"'=HYPERLINK(""http://x"")"`,
    "'@SUM(1)",
    "'-1+2",
    "-5",
    "-7.5",
    "+1e9",
    "a=b",
    "",
  ]);
});
