/** What accepting a completion makes of the text, and where the cursor stands then. */
import type { Completion, CompletionList } from "@/api/types";

export type Typed = { readonly text: string; readonly cursor: number };

/** A name is followed by its colon, as a value comes next; a value by a space, as it is whole. */
export function accepted(typed: Typed, list: CompletionList, chosen: Completion): Typed {
  const isField = chosen.kind === "field";
  const before = typed.text.slice(0, list.start) + chosen.text + (isField ? ":" : "");
  const rest = typed.text.slice(list.end);
  if (isField) return { text: before + rest, cursor: before.length };
  const space = rest.startsWith(" ") ? "" : " ";
  return { text: before + space + rest, cursor: before.length + 1 };
}

/** The entry that an arrow leads to; -1 is none, which stands between the last and the first. */
export function stepped(active: number, step: 1 | -1, count: number): number {
  return ((active + 1 + step + count + 1) % (count + 1)) - 1;
}
