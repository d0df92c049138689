import type { searchesOf } from "./model";

/** Searches of a deletion, as they were written. */
export function Searches({ searches }: { searches: ReturnType<typeof searchesOf> }) {
  return (
    <ul className="flex flex-col gap-0.5">
      {searches.map(({ of, q }) => (
        <li key={of}>
          <span className="text-[12.5px] text-ink-faint">{of}</span>{" "}
          <code className="break-words font-mono text-[12.5px]">{q}</code>
        </li>
      ))}
    </ul>
  );
}
