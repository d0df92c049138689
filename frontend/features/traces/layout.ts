/**
 * A trace's spans as the rows of a waterfall. Spans come from many senders: parents may be missing, an id
 * may come twice, and parents may form a circle. Every span becomes exactly one row. No recursion: real
 * traces are hundreds deep.
 */

export type LayoutSpan = {
  readonly span_id: string;
  readonly parent_span_id?: string | null;
  readonly offset_ms: number;
  readonly duration_ms: number;
  readonly service: string;
  readonly status: string;
};

export type RowOrigin = "root" | "child" | "missing_parent" | "cycle";

export type Row<S extends LayoutSpan> = {
  readonly span: S;
  readonly index: number;
  readonly depth: number;
  readonly origin: RowOrigin;
  readonly children: number;
  /** Index of the first row after this one's descendants. */
  readonly end: number;
  /** Failed spans below this one, for a collapsed row. */
  readonly errorsBelow: number;
};

type Draft<S extends LayoutSpan> = { -readonly [K in keyof Row<S>]: Row<S>[K] };

function byStart<S extends LayoutSpan>(spans: readonly S[]): (a: number, b: number) => number {
  return (a, b) => (spans[a]?.offset_ms ?? 0) - (spans[b]?.offset_ms ?? 0) || a - b;
}

type Forest = { roots: number[]; childrenOf: number[][]; origins: RowOrigin[] };

function linkParents<S extends LayoutSpan>(spans: readonly S[]): Forest {
  const indexOf = new Map<string, number>();
  spans.forEach((span, index) => {
    if (!indexOf.has(span.span_id)) indexOf.set(span.span_id, index);
  });
  const forest: Forest = { roots: [], childrenOf: spans.map(() => []), origins: [] };
  spans.forEach((span, index) => {
    const parent = span.parent_span_id ? indexOf.get(span.parent_span_id) : undefined;
    const isOrphan = Boolean(span.parent_span_id) && parent === undefined;
    if (parent === undefined) forest.roots.push(index);
    else forest.childrenOf[parent]?.push(index);
    forest.origins.push(isOrphan ? "missing_parent" : parent === undefined ? "root" : "child");
  });
  const order = byStart(spans);
  forest.roots.sort(order);
  for (const children of forest.childrenOf) children.sort(order);
  return forest;
}

/** Adds the spans below `root` as rows, parents before children; those seen already are left out. */
function walk<S extends LayoutSpan>(
  root: number,
  spans: readonly S[],
  forest: Forest,
  seen: Uint8Array,
  rows: Draft<S>[],
): void {
  const pending: [number, number][] = [[root, 0]];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const [index, depth] = next;
    const span = spans[index];
    if (span === undefined || seen[index]) continue;
    seen[index] = 1;
    const children = forest.childrenOf[index] ?? [];
    const origin = forest.origins[index] ?? "root";
    rows.push({ span, index: rows.length, depth, origin, children: children.length, end: 0, errorsBelow: 0 });
    for (let at = children.length - 1; at >= 0; at -= 1) pending.push([children[at] ?? -1, depth + 1]);
  }
}

/** From the last row back, so that descendants are counted before their ancestors. */
function measure<S extends LayoutSpan>(rows: Draft<S>[]): void {
  const open: Draft<S>[] = [];
  const close = (depth: number, end: number) => {
    for (let top = open.at(-1); top && top.depth >= depth; top = open.at(-1)) {
      top.end = end;
      open.pop();
      const parent = open.at(-1);
      if (parent) parent.errorsBelow += top.errorsBelow + (top.span.status === "error" ? 1 : 0);
    }
  };
  for (const row of rows) {
    close(row.depth, row.index);
    open.push(row);
  }
  close(0, rows.length);
}

export function layoutTrace<S extends LayoutSpan>(spans: readonly S[]): readonly Row<S>[] {
  const forest = linkParents(spans);
  const seen = new Uint8Array(spans.length);
  const rows: Draft<S>[] = [];
  for (const root of forest.roots) walk(root, spans, forest, seen, rows);
  const unreached = spans.map((_, index) => index).filter((index) => !seen[index]);
  for (const index of unreached.sort(byStart(spans))) {
    if (seen[index]) continue;
    forest.origins[index] = "cycle";
    walk(index, spans, forest, seen, rows);
  }
  measure(rows);
  return rows;
}

/** The rows to show when those in `collapsed` (span ids) hide their descendants. */
export function visibleRows<S extends LayoutSpan>(
  rows: readonly Row<S>[],
  collapsed: ReadonlySet<string>,
): readonly Row<S>[] {
  const visible: Row<S>[] = [];
  for (let at = 0; at < rows.length; ) {
    const row = rows[at];
    if (row === undefined) break;
    visible.push(row);
    at = collapsed.has(row.span.span_id) && row.children > 0 ? Math.max(row.end, at + 1) : at + 1;
  }
  return visible;
}

export type Bar = { readonly left: number; readonly width: number };
export type Timeline = { readonly start: number; readonly length: number };

/** Clocks differ between machines: a span may begin before the first or end after the last. */
export function timelineOf(spans: readonly LayoutSpan[], duration_ms: number): Timeline {
  let start = 0;
  let end = duration_ms;
  for (const span of spans) {
    start = Math.min(start, span.offset_ms);
    end = Math.max(end, span.offset_ms + span.duration_ms);
  }
  return { start, length: Math.max(end - start, 0.001) };
}

/** Left edge and width of a span's bar, in percent of the timeline. */
export function barOf(span: LayoutSpan, timeline: Timeline): Bar {
  const left = ((span.offset_ms - timeline.start) / timeline.length) * 100;
  return { left, width: Math.max((span.duration_ms / timeline.length) * 100, 0) };
}

/** The number of each service's colour, in the order in which services appear. */
export function serviceOrder(spans: readonly LayoutSpan[]): ReadonlyMap<string, number> {
  const order = new Map<string, number>();
  for (const span of spans) if (!order.has(span.service)) order.set(span.service, order.size);
  return order;
}
