import { expect, test } from "vitest";
import { staleFor } from "./stale";

test("an answer is stale after three missed polls, at least 15 seconds", () => {
  expect(staleFor(1000, 15_000, 2000)).toBeNull();
  expect(staleFor(1000, 17_000, 2000)).toBe(16_000);
  expect(staleFor(1000, 17_000, 10_000)).toBeNull();
});

test("what is not live is never stale", () => {
  expect(staleFor(0, 99_000, 2000)).toBeNull();
});
