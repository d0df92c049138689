import { describe, expect, test } from "vitest";
import type { Span } from "@/api/types";
import { barOf, type LayoutSpan, layoutTrace, serviceOrder, timelineOf, visibleRows } from "./layout";
import { aSpan } from "./span.fixture";

function span(id: string, parent: string | null = null, offset = 0, more: Partial<Span> = {}): Span {
  return aSpan({ span_id: id, parent_span_id: parent, offset_ms: offset, ...more });
}

const shape = (spans: readonly LayoutSpan[]) =>
  layoutTrace(spans).map((row) => `${"  ".repeat(row.depth)}${row.span.span_id}`);

describe("the tree of a trace", () => {
  test("has children below their parent, in the order in which they began", () => {
    const spans = [span("late", "root", 9), span("root"), span("leaf", "early", 3), span("early", "root", 2)];
    expect(shape(spans)).toEqual(["root", "  early", "    leaf", "  late"]);
  });

  test("marks spans whose parent is missing and keeps their children", () => {
    const rows = layoutTrace([span("root"), span("lost", "gone", 5), span("child", "lost", 6)]);
    expect(rows.map((row) => [row.span.span_id, row.depth, row.origin])).toEqual([
      ["root", 0, "root"],
      ["lost", 0, "missing_parent"],
      ["child", 1, "child"],
    ]);
  });

  test("opens a circle of parents at its earliest span and shows each span once", () => {
    const rows = layoutTrace([
      span("a", "c", 1),
      span("b", "a", 2),
      span("c", "b", 3),
      span("self", "self", 9),
    ]);
    expect(rows.map((row) => [row.span.span_id, row.depth, row.origin])).toEqual([
      ["a", 0, "cycle"],
      ["b", 1, "child"],
      ["c", 2, "child"],
      ["self", 0, "cycle"],
    ]);
  });

  test("shows a span that was sent twice twice", () => {
    expect(layoutTrace([span("a"), span("a"), span("b", "a")])).toHaveLength(3);
  });

  test("of no spans has no rows", () => {
    expect(layoutTrace([])).toEqual([]);
  });
});

test("a collapsed row hides its descendants and tells of the errors among them", () => {
  const rows = layoutTrace([
    span("root"),
    span("a", "root", 1),
    span("b", "a", 2, { status: "error" }),
    span("c", "b", 3, { status: "error" }),
    span("d", "root", 4),
  ]);
  const visible = visibleRows(rows, new Set(["a", "d"]));
  expect(visible.map((row) => row.span.span_id)).toEqual(["root", "a", "d"]);
  expect(visible.map((row) => row.errorsBelow)).toEqual([2, 2, 0]);
  expect(visibleRows(rows, new Set(["root"]))).toHaveLength(1);
});

test("a chain of 5,000 spans is laid out without recursion", () => {
  const chain = Array.from({ length: 5000 }, (_, at) => span(`s${at}`, at ? `s${at - 1}` : null, at));
  const rows = layoutTrace(chain.toReversed());
  expect(rows.at(-1)).toMatchObject({ depth: 4999, end: 5000 });
  expect(rows[0]?.end).toBe(5000);
});

test("10,000 spans, a few levels deep, are laid out in well under a second of the processor", () => {
  const spans = Array.from({ length: 10_000 }, (_, at) =>
    span(`s${at}`, at ? `s${Math.floor((at - 1) / 7)}` : null, at),
  );
  const begun = process.cpuUsage(); // not the clock: a busy machine makes nothing slower to compute
  const rows = layoutTrace(spans);
  expect(visibleRows(rows, new Set(["s1"])).length).toBeLessThan(10_000);
  expect(process.cpuUsage(begun).user / 1000).toBeLessThan(800);
  expect(rows).toHaveLength(10_000);
});

test("spans outside the trace's own time widen the timeline", () => {
  const early = span("early", null, -10, { duration_ms: 5 });
  const late = span("late", null, 90, { duration_ms: 20 });
  const timeline = timelineOf([early, late], 100);
  expect(timeline).toEqual({ start: -10, length: 120 });
  expect(barOf(early, timeline).left).toBe(0);
  expect(barOf(late, timeline).left + barOf(late, timeline).width).toBeCloseTo(100);
});

test("a trace of no duration divides nothing by zero", () => {
  const only = span("only", null, 0, { duration_ms: 0 });
  expect(barOf(only, timelineOf([only], 0))).toEqual({ left: 0, width: 0 });
});

test("services are numbered in the order in which they appear", () => {
  const order = serviceOrder([span("a"), span("b", "a", 1, { service: "pay" }), span("c")]);
  expect([...order]).toEqual([
    ["web", 0],
    ["pay", 1],
  ]);
});
