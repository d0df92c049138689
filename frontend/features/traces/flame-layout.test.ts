import { expect, test } from "vitest";
import type { FlameNode } from "@/api/types";
import { depthOf, frameAt, frameBeside, framesOf, mostSpent } from "./flame-layout";

function node(name: string, total_ms: number, self_ms: number, children: FlameNode[] = []): FlameNode {
  return { service: "web", name, spans: 1, total_ms, self_ms, errors: 0, children };
}

const tree = [node("root", 100, 20, [node("a", 60, 30, [node("c", 30, 30)]), node("b", 20, 20)])];
const boxOf = (frames: ReturnType<typeof framesOf>, name: string) => {
  const frame = frames.find((each) => each.node.name === name);
  return frame && [frame.depth, frame.left, frame.width];
};

test("children lie below their parent, as wide as their share of its time", () => {
  const frames = framesOf(tree, null);
  expect(boxOf(frames, "root")).toEqual([0, 0, 1]);
  expect(boxOf(frames, "a")).toEqual([1, 0, 0.6]);
  expect(boxOf(frames, "b")).toEqual([1, 0.6, 0.2]);
  expect(boxOf(frames, "c")).toEqual([2, 0, 0.3]);
  expect(depthOf(frames)).toBe(3);
  expect(depthOf(frames, 0.5)).toBe(2);
});

test("children that ran at the same time share the width of their parent", () => {
  const frames = framesOf([node("root", 100, 0, [node("a", 100, 100), node("b", 100, 100)])], null);
  expect([boxOf(frames, "a"), boxOf(frames, "b")]).toEqual([
    [1, 0, 0.5],
    [1, 0.5, 0.5],
  ]);
});

test("a frame in focus fills the width, its ancestors stand above and its brothers are gone", () => {
  const frames = framesOf(tree, "0.0");
  expect(boxOf(frames, "root")).toEqual([0, 0, 1]);
  expect(boxOf(frames, "a")).toEqual([1, 0, 1]);
  expect(boxOf(frames, "c")).toEqual([2, 0, 0.5]);
  expect(boxOf(frames, "b")).toBeUndefined();
  expect(framesOf(tree, "7.7")).toHaveLength(4);
});

test("a frame is found by place, and by the arrows", () => {
  const frames = framesOf(tree, null);
  expect(frameAt(frames, 0.7, 1)?.node.name).toBe("b");
  expect(frameAt(frames, 0.9, 1)).toBeNull();
  expect(frameBeside(frames, "0", "ArrowDown")).toBe("0.0");
  expect(frameBeside(frames, "0.0", "ArrowRight")).toBe("0.1");
  expect(frameBeside(frames, "0.1", "ArrowRight")).toBe("0.1");
  expect(frameBeside(frames, "0.1", "ArrowUp")).toBe("0");
});

test("time is added up by name, and that of a name below itself only once", () => {
  const recursive = [node("walk", 100, 40, [node("walk", 60, 60)]), node("read", 10, 10)];
  expect(
    mostSpent(recursive, 5).map(({ name, spans, self_ms, total_ms }) => [name, spans, self_ms, total_ms]),
  ).toEqual([
    ["walk", 2, 100, 100],
    ["read", 1, 10, 10],
  ]);
  expect(mostSpent(recursive, 1)).toHaveLength(1);
});

test("a graph a hundred deep and ten thousand wide is laid out", () => {
  let deep = node("leaf", 1, 1);
  for (let at = 0; at < 100; at += 1) deep = node(`level ${at}`, 1, 0, [deep]);
  const wide = node(
    "wide",
    10_000,
    0,
    Array.from({ length: 10_000 }, (_, at) => node(`${at}`, 1, 1)),
  );
  const frames = framesOf([deep, wide], null);
  expect(frames).toHaveLength(10_102);
  expect(depthOf(frames)).toBe(101);
});
