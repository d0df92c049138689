export type Attribute = readonly [key: string, value: string];

/** By name, with those of the same prefix together. */
export function sortedAttributes(attributes: Readonly<Record<string, string>>): readonly Attribute[] {
  return Object.entries(attributes).toSorted(([a], [b]) => a.localeCompare(b));
}
