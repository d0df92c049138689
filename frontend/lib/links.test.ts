import { describe, expect, test } from "vitest";
import { directLink, logsLink, overviewLink, slotLinks, traceLink, tracesLink } from "./links";
import type { TimeRange } from "./time-range";

const slot = {
  from: Date.parse("2026-01-01T10:00:00Z"),
  to: Date.parse("2026-01-01T10:00:10Z"),
  errors: 3,
  p95Ms: null,
};
const query = (href: string | null) => new URL(href ?? "", "http://x").searchParams;

describe("a click on the error chart", () => {
  test("where requests failed leads straight to a failed trace of that slot", () => {
    const href = directLink(slot, "errors", "shop");
    expect(href?.startsWith("/monitoring/trace/?")).toBe(true);
    expect(Object.fromEntries(query(href))).toEqual({
      from: "2026-01-01T09:59:58.000Z",
      to: "2026-01-01T10:00:10.000Z",
      service: "shop",
      outcome: "failed",
    });
  });

  test("looks back by the duration of its requests, which began before they were counted", () => {
    const href = directLink({ ...slot, p95Ms: 2999.5 }, "errors", null);
    expect(query(href).get("from")).toBe("2026-01-01T09:59:55.000Z");
  });

  test("where nothing failed, or nothing is known, offers a choice", () => {
    expect(directLink({ ...slot, errors: 0 }, "errors", null)).toBeNull();
    expect(directLink({ ...slot, errors: null }, "errors", null)).toBeNull();
    expect(directLink(slot, "requests", null)).toBeNull();
  });
});

describe("the choice at a point of a chart", () => {
  const labels = (...args: Parameters<typeof slotLinks>) => slotLinks(...args).map((link) => link.label);

  test("starts with the failed traces and ends every range with the slot", () => {
    const links = slotLinks(slot, "requests", null);
    expect(links[0]?.label).toBe("Failed traces (3)");
    for (const link of links) expect(query(link.href).get("to")).toBe("2026-01-01T10:00:10.000Z");
  });

  test("has no failed traces where none failed, or where the chart is not of requests", () => {
    const rest = ["All traces", "Logs", "Show only this time"];
    expect(labels({ ...slot, errors: 0 }, "requests", null)).toEqual(rest);
    expect(labels({ ...slot, errors: null }, "resource", null)).toEqual(rest);
  });

  test("of the latency chart offers the slow traces", () => {
    const links = slotLinks({ ...slot, errors: 0, p95Ms: 812.7 }, "latency", null);
    expect(query(links[0]?.href ?? "").get("min_ms")).toBe("812");
  });
});

test("a link says nothing that was not asked for", () => {
  const range: TimeRange = { kind: "last", span: "1h" };
  expect(overviewLink(range)).toBe("/monitoring/?range=1h");
  expect(tracesLink(range, { outcome: null, route: "" })).toBe("/monitoring/traces/?range=1h");
  expect(traceLink("ab", null)).toBe("/monitoring/trace/?id=ab");
});

test("attribute filters are repeated and escaped", () => {
  const href = logsLink({ kind: "last", span: "5m" }, { attributes: ["a=1", "path=/x?y&z"] });
  expect(query(href).getAll("attr")).toEqual(["a=1", "path=/x?y&z"]);
});
