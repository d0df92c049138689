import { expect, test } from "vitest";
import { HOME, loginPath, safeReturnPath } from "./return-path";

test("a page of the console is returned to with its query", () => {
  expect(safeReturnPath("/monitoring/logs/?q=a&range=1h#x")).toBe("/monitoring/logs/?q=a&range=1h#x");
});

test.each([
  null,
  "",
  "monitoring",
  "https://evil.example/",
  "//evil.example/",
  "/\\evil.example/",
  "/\t/evil.example/",
  "/x/..//evil.example/",
  "javascript:alert(1)",
  "/login/?next=/login/",
  "/setup/?token=abc",
])("%s leads home", (next) => {
  expect(safeReturnPath(next)).toBe(HOME);
});

test("the log-in page remembers where the reader was", () => {
  expect(loginPath("/monitoring/trace/?id=1&x=2")).toBe(
    "/login/?next=%2Fmonitoring%2Ftrace%2F%3Fid%3D1%26x%3D2",
  );
  expect(loginPath(HOME)).toBe("/login/");
});
