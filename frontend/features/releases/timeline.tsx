import type { ReleaseOperation } from "@/api/types";
import { formatDateTime, formatDuration } from "@/lib/format";
import { Badge, StatusGlyph } from "@/ui/badge";
import { cx } from "@/ui/cx";
import { changesInShort, outcomeWord, stateOf, titleOf } from "./model";

type Props = { items: readonly ReleaseOperation[]; shown: number | null; onPick: (id: number) => void };

/** Deployments, rollbacks and clean-ups, the newest first, on one line of time. */
export function Timeline({ items, shown, onPick }: Props) {
  return (
    <ol className="max-h-[calc(100dvh-15rem)] overflow-y-auto xl:min-h-80">
      {items.map((operation) => (
        <li key={operation.id} className="border-line border-b last:border-b-0">
          <button
            type="button"
            aria-current={operation.id === shown ? "true" : undefined}
            onClick={() => onPick(operation.id)}
            className={cx(
              "grid w-full grid-cols-[auto_minmax(0,1fr)] gap-x-2.5 px-3 py-2 text-left",
              operation.id === shown ? "bg-accent-soft" : "hover:bg-sunken",
            )}
          >
            <span className="pt-1">
              <StatusGlyph tone={stateOf(operation.state).tone} />
            </span>
            <Line operation={operation} />
          </button>
        </li>
      ))}
    </ol>
  );
}

function Line({ operation }: { operation: ReleaseOperation }) {
  const { started_at: start, ended_at: end } = operation;
  const changed = changesInShort(operation.changes);
  return (
    <span className="flex min-w-0 flex-col gap-0.5">
      <span className="flex flex-wrap items-baseline justify-between gap-x-2">
        <span className="font-medium">{titleOf(operation)}</span>
        <span className="font-mono text-[12px] text-ink-faint">{formatDateTime(operation.asked_at)}</span>
      </span>
      {operation.message ? <span className="truncate text-[13px]">{operation.message}</span> : null}
      <span className="text-[12.5px] text-ink-soft">
        {outcomeWord(operation)} · by {operation.asked_by}
        {start && end ? ` · ${formatDuration(Date.parse(end) - Date.parse(start))}` : ""}
      </span>
      {changed || (operation.label && operation.migrations.length) ? (
        <span className="flex flex-wrap items-center gap-1.5 text-[12.5px] text-ink-faint">
          {changed}
          {operation.migrations.length ? (
            <Badge look={operation.label === "forward-only" ? "bad" : "plain"}>{operation.label}</Badge>
          ) : null}
        </span>
      ) : null}
    </span>
  );
}
