/**
 * A search as a list of its terms, so that a click can add one, or take one away. The language is that of
 * docs/reference/search.md; what is written by hand and is no plain `name:value` is kept as it stands.
 */

const NAME = /^[A-Za-z_@][A-Za-z0-9_.@/-]*$/;
const PLAIN_VALUE = /^(?!(?:OR|AND|NOT)$)[^\s()"*<>=~:|-][^\s()"*|]*$/;
const FIELD = /^(-?)([A-Za-z_@][A-Za-z0-9_.@/-]*):(?!\/\/)(?![<>~])(.+)$/s;

/** Whether an attribute of this name can be searched for. */
export function isSearchable(name: string): boolean {
  return NAME.test(name);
}

export function quoted(value: string): string {
  return PLAIN_VALUE.test(value) ? value : `"${value.replace(/(["\\])/g, "\\$1")}"`;
}

/** Terms between spaces; quotes and parentheses hold one together. */
export function termsOf(q: string): readonly string[] {
  const terms: string[] = [];
  let term = "";
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < q.length; at += 1) {
    const character = q[at] ?? "";
    if (isQuoted && character === "\\") {
      term += character + (q[at + 1] ?? "");
      at += 1;
      continue;
    }
    if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && character === "(") depth += 1;
    else if (!isQuoted && character === ")") depth = Math.max(0, depth - 1);
    if (/\s/.test(character) && !isQuoted && depth === 0) {
      if (term !== "") terms.push(term);
      term = "";
    } else term += character;
  }
  return term === "" ? terms : [...terms, term];
}

type FieldTerm = { readonly isNot: boolean; readonly name: string; readonly values: readonly string[] };

/** `name:value` and `name:(a OR b)`; values as they are written. Null for every other term. */
function fieldOf(term: string): FieldTerm | null {
  const [, minus, name, written] = FIELD.exec(term) ?? [];
  if (name === undefined || written === undefined) return null;
  if (!written.startsWith("(")) return { isNot: minus === "-", name, values: [written] };
  const inside = termsOf(written.slice(1, -1));
  const values = inside.filter((_, at) => at % 2 === 0);
  const isList = inside.every((each, at) => at % 2 === 0 || each === "OR") && inside.length % 2 === 1;
  return isList ? { isNot: minus === "-", name, values } : null;
}

function written({ isNot, name, values }: FieldTerm): string {
  const value = values.length === 1 ? values[0] : `(${values.join(" OR ")})`;
  return `${isNot ? "-" : ""}${name}:${value}`;
}

export type Choice = "included" | "excluded" | null;

/** What the search says about one value of a field. */
export function choiceOf(q: string, name: string, value: string): Choice {
  for (const term of termsOf(q)) {
    const field = fieldOf(term);
    if (field?.name === name && field.values.includes(quoted(value))) {
      return field.isNot ? "excluded" : "included";
    }
  }
  return null;
}

export type Chosen = {
  readonly name: string;
  readonly value: string;
  readonly choice: "included" | "excluded";
};

/** All values that a choice was made of, each once; patterns and comparisons are none. */
export function choicesOf(q: string): readonly Chosen[] {
  const chosen: readonly Chosen[] = termsOf(q).flatMap((term) => {
    const field = fieldOf(term);
    if (field === null) return [];
    const choice = field.isNot ? "excluded" : "included";
    return field.values.flatMap((written) => {
      const value = unquoted(written);
      return quoted(value) === written ? [{ name: field.name, value, choice }] : [];
    });
  });
  const isFirst = ({ name, value }: Chosen, at: number) =>
    chosen.findIndex((each) => each.name === name && each.value === value) === at;
  return chosen.filter(isFirst);
}

function unquoted(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replace(/\\(["\\])/g, "$1") : written;
}

/** The search with another choice for one value. Several values of a field are alternatives. */
export function withChoice(q: string, name: string, value: string, choice: Choice): string {
  const text = quoted(value);
  const terms: string[] = [];
  let isPlaced = false;
  for (const term of termsOf(q)) {
    const field = fieldOf(term);
    if (field?.name !== name) {
      terms.push(term);
      continue;
    }
    let values = field.values.filter((each) => each !== text);
    if (choice === "included" && !field.isNot && !isPlaced) {
      values = [...values, text];
      isPlaced = true;
    }
    if (values.length > 0) terms.push(written({ ...field, values }));
  }
  const rest = terms.join(" ");
  if (choice === null || isPlaced) return rest;
  return bothOf(rest, written({ isNot: choice === "excluded", name, values: [text] }));
}

/** A search that asks for both; alternatives that one of them is made of stay together. */
export function bothOf(q: string, more: string): string {
  const together = (search: string) =>
    termsOf(search).some((term) => term === "OR" || term === "|") ? `(${search})` : search;
  return [q.trim(), more.trim()].filter(Boolean).map(together).join(" ");
}
