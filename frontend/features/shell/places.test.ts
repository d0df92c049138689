import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { groupsFor, isAt, PLACE_GROUPS } from "./places";

const places = PLACE_GROUPS.flatMap((group) => group.places);

test("every place is a page, and a key of its own leads to it", () => {
  for (const { href, below = [] } of places) {
    for (const path of [href, ...below]) expect(existsSync(`app${path}page.tsx`), path).toBe(true);
  }
  expect(new Set(places.map((place) => place.key)).size).toBe(places.length);
});

test("a page below a place marks it as the present one", () => {
  const at = places.filter((place) => isAt(place, "/monitoring/trace/")).map((place) => place.name);
  expect(at).toEqual(["Traces"]);
});

test("a place for administrators is shown to nobody else", () => {
  const names = (role?: string) => groupsFor(role).flatMap((group) => group.places.map(({ name }) => name));
  const guarded = places.filter((place) => place.role === "administrator").map(({ name }) => name);
  expect(names("administrator")).toEqual(expect.arrayContaining(guarded));
  expect(names("viewer").filter((name) => guarded.includes(name))).toEqual([]);
  expect(names()).toContain("Overview");
});
