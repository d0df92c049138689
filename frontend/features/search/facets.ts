/** Which fields are offered to narrow what is shown, and in what order. */
import { type Choice, type Chosen, choiceOf, choicesOf, isSearchable } from "./terms";

/** A field and how often it has each value. */
export type Facet = {
  readonly key: string;
  readonly values: readonly { readonly value: string; readonly entries: number }[];
};

/** What people look for first; the rest follows as the server orders it. */
const FIRST = [
  ...["level", "service", "name", "status", "route", "method"],
  ...["environment", "release", "colour", "kind", "host.name"],
];
const MOST_OPEN = 5;

export type FacetChoice = {
  readonly value: string;
  /** Null for a value that is searched for and that was not counted. */
  readonly entries: number | null;
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

/**
 * A field with one value only tells nothing apart: it is there, but folded. What the search says of values that
 * nothing of what fits has, such as those that it leaves out, is shown, too, so that a click takes it back.
 */
export function facetGroups(facets: readonly Facet[], q: string): readonly FacetGroup[] {
  const choices = choicesOf(q);
  const counted = new Map(facets.filter(({ key }) => isSearchable(key)).map((facet) => [facet.key, facet]));
  const keys = new Set([...counted.keys(), ...choices.map(({ name }) => name)]);
  const groups = [...keys]
    .toSorted((a, b) => rank(a) - rank(b))
    .map((key) => {
      const found = countedValues(counted.get(key)?.values ?? [], (value) => choiceOf(q, key, value));
      const values = [...found, ...otherChoices(found, choices, key)];
      return { key, values, isChosen: values.some(({ choice }) => choice !== null) };
    });
  let opened = 0;
  return groups.map(({ key, values, isChosen }) => {
    const isTelling = values.length > 1 && opened < MOST_OPEN;
    if (isTelling) opened += 1;
    return { key, values, isOpen: isTelling || isChosen };
  });
}

function countedValues(values: Facet["values"], choose: (value: string) => Choice): readonly FacetChoice[] {
  const most = Math.max(1, ...values.map(({ entries }) => entries));
  return values.map((each) => ({ ...each, share: each.entries / most, choice: choose(each.value) }));
}

function otherChoices(
  found: readonly FacetChoice[],
  choices: readonly Chosen[],
  key: string,
): readonly FacetChoice[] {
  const known = new Set(found.map(({ value }) => value));
  const others = choices.filter(({ name, value }) => name === key && !known.has(value));
  return others.map(({ value, choice }) => ({ value, entries: null, share: 0, choice }));
}
