import { expect, test } from "vitest";
import { facetGroups } from "./facets";

const facet = (key: string, ...values: [string, number][]) => ({
  key,
  values: values.map(([value, entries]) => ({ value, entries })),
});

test("what people look for first comes first, and what cannot be searched for is left out", () => {
  const groups = facetGroups(
    [
      facet("client", ["a", 1]),
      facet("two words", ["b", 1]),
      facet("service", ["c", 1]),
      facet("level", ["d", 1]),
    ],
    "",
  );
  expect(groups.map((group) => group.key)).toEqual(["level", "service", "client"]);
});

test("a field is open when it tells lines apart, or when something of it is chosen", () => {
  const [service, client, site] = facetGroups(
    [facet("service", ["web", 4], ["edge", 1]), facet("client", ["::1", 5]), facet("site", ["web", 5])],
    "site:web",
  );
  expect([service?.isOpen, client?.isOpen, site?.isOpen]).toEqual([true, false, true]);
});

test("each value has its share of the most frequent one, and what the search says about it", () => {
  const [group] = facetGroups(
    [facet("level", ["info", 8], ["error", 2], ["warn", 1])],
    "-level:info level:error",
  );
  expect(group?.values.map(({ share, choice }) => [share, choice])).toEqual([
    [1, "excluded"],
    [0.25, "included"],
    [0.125, null],
  ]);
});

test("what the search says of a value that nothing has is shown without a count, to be taken back", () => {
  const groups = facetGroups(
    [facet("service", ["web", 4])],
    "-service:db status:503 duration:>5ms name:GET*",
  );
  expect(groups.map(({ key, values, isOpen }) => [key, isOpen, values.map((each) => each.value)])).toEqual([
    ["service", true, ["web", "db"]],
    ["status", true, ["503"]],
  ]);
  expect(groups[0]?.values[1]).toEqual({ value: "db", entries: null, share: 0, choice: "excluded" });
});
