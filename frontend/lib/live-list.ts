/** A list, newest first, that grows at both ends: newer entries arrive, older ones are asked for. */

export type Identity<Entry> = {
  readonly idOf: (entry: Entry) => string;
  readonly timeOf: (entry: Entry) => string;
};

/** Both lists as one. An entry that stands in both is taken from `newer`, which was read later. */
export function mergeNewestFirst<Entry>(
  newer: readonly Entry[],
  older: readonly Entry[],
  { idOf, timeOf }: Identity<Entry>,
): readonly Entry[] {
  if (newer.length === 0) return older;
  const byId = new Map<string, Entry>();
  for (const entry of [...newer, ...older]) if (!byId.has(idOf(entry))) byId.set(idOf(entry), entry);
  return [...byId.values()].toSorted((a, b) => Date.parse(timeOf(b)) - Date.parse(timeOf(a)));
}

/** Whether a newest page reaches what is known already, so that nothing is missing between the two. */
export function isJoined<Entry>(
  page: { readonly items: readonly Entry[]; readonly next_cursor: string | null },
  known: ReadonlySet<string>,
  idOf: (entry: Entry) => string,
): boolean {
  return page.next_cursor === null || page.items.some((entry) => known.has(idOf(entry)));
}

/** The neighbour of an entry, or null at the end of the list. */
export function neighbourOf<Entry>(
  entries: readonly Entry[],
  id: string | null,
  step: 1 | -1,
  idOf: (entry: Entry) => string,
): Entry | null {
  const at = entries.findIndex((entry) => idOf(entry) === id);
  return at < 0 ? null : (entries[at + step] ?? null);
}
