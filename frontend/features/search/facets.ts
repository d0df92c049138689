/** Which fields are offered to narrow what is shown, and in what order. */
import { type Choice, choiceOf, isSearchable } from "./terms";

/** A field and how often it has each value. */
export type Facet = {
  readonly key: string;
  readonly values: readonly { readonly value: string; readonly entries: number }[];
};

/** What people look for first; the rest follows as the server orders it. */
const FIRST = ["level", "service", "status", "route", "method", "release", "colour", "host.name"];
const MOST_OPEN = 5;

export type FacetChoice = {
  readonly value: string;
  readonly entries: number;
  /** Of the most frequent value of this field. */
  readonly share: number;
  readonly choice: Choice;
};
export type FacetGroup = {
  readonly key: string;
  readonly values: readonly FacetChoice[];
  readonly isOpen: boolean;
};

function rank(key: string): number {
  const at = FIRST.indexOf(key);
  return at < 0 ? FIRST.length : at;
}

/** A field with one value only tells nothing apart: it is there, but folded. */
export function facetGroups(facets: readonly Facet[], q: string): readonly FacetGroup[] {
  const groups = facets
    .filter(({ key }) => isSearchable(key))
    .toSorted((a, b) => rank(a.key) - rank(b.key))
    .map(({ key, values }) => {
      const most = Math.max(1, ...values.map((value) => value.entries));
      const shown = values.map(({ value, entries }) => ({
        value,
        entries,
        share: entries / most,
        choice: choiceOf(q, key, value),
      }));
      return { key, values: shown, isChosen: shown.some(({ choice }) => choice !== null) };
    });
  let opened = 0;
  return groups.map(({ key, values, isChosen }) => {
    const isTelling = values.length > 1 && opened < MOST_OPEN;
    if (isTelling) opened += 1;
    return { key, values, isOpen: isTelling || isChosen };
  });
}
