import { Fragment } from "react";

/** A long name that breaks, where it has to, behind its dots, slashes and underscores. */
export function Breakable({ text }: { text: string }) {
  return text.split(/(?<=[._/])/).map((part, at) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text never change places
    <Fragment key={at}>
      {part}
      <wbr />
    </Fragment>
  ));
}
