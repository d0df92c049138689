import { expect, test } from "vitest";
import type { RouteSummary } from "@/api/types";
import { topRoutes } from "./routes";

const route = (name: string, requests: number, error_ratio: number, p95_ms: number): RouteSummary => ({
  service: "web",
  route: name,
  method: "GET",
  requests,
  requests_per_s: requests / 10,
  error_ratio,
  p95_ms,
});
const routes = [route("/a", 100, 0.01, 5), route("/b", 10, 0.5, 900), route("/c", 50, 0, 20)];
const names = (order: Parameters<typeof topRoutes>[1]) => topRoutes(routes, order).map((each) => each.route);

test("the busiest, the slowest and the most often failing come first", () => {
  expect(names("requests")).toEqual(["/a", "/c", "/b"]);
  expect(names("slow")).toEqual(["/b", "/c", "/a"]);
});

test("among failing routes stand only those that fail, by how many requests failed", () => {
  expect(names("errors")).toEqual(["/b", "/a"]);
});

test("no more than a few are shown", () => {
  const many = Array.from({ length: 40 }, (_, at) => route(`/${at}`, at + 1, 0, 1));
  expect(topRoutes(many, "requests")).toHaveLength(8);
});
