/**
 * The frames of a flame graph as boxes: the root on top, children below in the order of their time. Widths are
 * shares of the whole. Children that ran at the same time may take longer together than their parent: they
 * share its width then. No recursion: traces are deep.
 */
import type { FlameNode } from "@/api/types";

export type Frame = {
  readonly node: FlameNode;
  /** Places among brothers from the root, such as `0.2.1`; the same as long as the graph is. */
  readonly path: string;
  readonly depth: number;
  readonly left: number;
  readonly width: number;
};

/** Frames of the graph, or of what lies below `focus`, with its ancestors as full lines above. */
export function framesOf(roots: readonly FlameNode[], focus: string | null): readonly Frame[] {
  const all = boxesOf(roots);
  const chosen = focus === null ? undefined : all.find((frame) => frame.path === focus);
  if (chosen === undefined) return all;
  return all.flatMap((frame) => {
    if (chosen.path.startsWith(`${frame.path}.`)) return [{ ...frame, left: 0, width: 1 }];
    if (frame.path !== chosen.path && !frame.path.startsWith(`${chosen.path}.`)) return [];
    const left = (frame.left - chosen.left) / chosen.width;
    return [{ ...frame, left, width: frame.width / chosen.width }];
  });
}

type Waiting = {
  nodes: readonly FlameNode[];
  path: string;
  depth: number;
  left: number;
  width: number;
  of: number;
};

function boxesOf(roots: readonly FlameNode[]): readonly Frame[] {
  const frames: Frame[] = [];
  const waiting: Waiting[] = [{ nodes: roots, path: "", depth: 0, left: 0, width: 1, of: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { nodes, path, depth, width } = next;
    const whole = Math.max(next.of, totalOf(nodes)) || 1;
    let left = next.left;
    nodes.forEach((node, at) => {
      const own = path === "" ? String(at) : `${path}.${at}`;
      const share = (node.total_ms / whole) * width;
      frames.push({ node, path: own, depth, left, width: share });
      const below = { nodes: node.children, path: own, depth: depth + 1, left, width: share };
      if (node.children.length > 0) waiting.push({ ...below, of: node.total_ms });
      left += share;
    });
  }
  return frames;
}

function totalOf(nodes: readonly FlameNode[]): number {
  return nodes.reduce((sum, node) => sum + node.total_ms, 0);
}

/** How many rows there are of frames that are at least this wide: what nobody can see needs no room. */
export function depthOf(frames: readonly Frame[], least = 0): number {
  return frames.reduce(
    (deepest, frame) => (frame.width >= least ? Math.max(deepest, frame.depth + 1) : deepest),
    0,
  );
}

/** The frame at a place: `x` from 0 to 1, `depth` in rows. */
export function frameAt(frames: readonly Frame[], x: number, depth: number): Frame | null {
  return (
    frames.find((frame) => frame.depth === depth && x >= frame.left && x < frame.left + frame.width) ?? null
  );
}

export type Direction = "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight";

/** The neighbour of a frame: its parent above, its widest child below, its brothers beside it. */
export function frameBeside(frames: readonly Frame[], path: string, direction: Direction): string {
  const parts = path.split(".");
  const parent = parts.slice(0, -1).join(".");
  const last = Number(parts.at(-1));
  const brother = (at: number) => (parent === "" ? String(at) : `${parent}.${at}`);
  const wanted = {
    ArrowUp: parent,
    ArrowDown: `${path}.0`,
    ArrowLeft: brother(last - 1),
    ArrowRight: brother(last + 1),
  }[direction];
  return frames.some((frame) => frame.path === wanted) ? wanted : path;
}

export type Spent = {
  readonly service: string;
  readonly name: string;
  readonly spans: number;
  readonly self_ms: number;
  readonly total_ms: number;
  readonly errors: number;
};

/** What took the most time itself, wherever it was called from. Total time of a name below itself is not added. */
export function mostSpent(roots: readonly FlameNode[], most: number): readonly Spent[] {
  const found = new Map<string, { -readonly [K in keyof Spent]: Spent[K] }>();
  const waiting: [FlameNode, ReadonlySet<string>][] = roots.map((root) => [root, new Set()]);
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [node, above] = next;
    const key = `${node.service}\n${node.name}`;
    const sum = found.get(key) ?? {
      service: node.service,
      name: node.name,
      spans: 0,
      self_ms: 0,
      total_ms: 0,
      errors: 0,
    };
    sum.spans += node.spans;
    sum.self_ms += node.self_ms;
    sum.errors += node.errors;
    if (!above.has(key)) sum.total_ms += node.total_ms;
    found.set(key, sum);
    const below = above.has(key) ? above : new Set([...above, key]);
    for (const child of node.children) waiting.push([child, below]);
  }
  return [...found.values()].toSorted((a, b) => b.self_ms - a.self_ms).slice(0, most);
}
