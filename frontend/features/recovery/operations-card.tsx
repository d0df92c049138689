import type { Recovery, RecoveryOperation } from "@/api/types";
import { formatDateTime, formatDuration } from "@/lib/format";
import { StatusGlyph } from "@/ui/badge";
import { Card } from "@/ui/card";
import { EmptyState } from "@/ui/states";
import { isOver, kindName, operationTone, outcomeOf } from "./model";

/** Drills, restores, verifications and backups that are over: who asked, what came of it. */
export function OperationsCard({ recovery }: { recovery: Recovery }) {
  const over = recovery.operations.filter(isOver);
  return (
    <Card title="What was done" flush testId="operations">
      {over.length === 0 ? <EmptyState title="Nothing was done yet" /> : null}
      <ol
        className="max-h-96 overflow-y-auto"
        aria-label="Operations that are over"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
        tabIndex={0}
      >
        {over.map((operation) => (
          <Line key={operation.id} operation={operation} />
        ))}
      </ol>
    </Card>
  );
}

function Line({ operation }: { operation: RecoveryOperation }) {
  const { started_at: start, ended_at: end } = operation;
  const outcome = outcomeOf(operation);
  return (
    <li className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-2.5 border-line border-b px-3 py-2 text-[13px] last:border-b-0">
      <span className="pt-1">
        <StatusGlyph tone={operationTone(operation)} />
      </span>
      <div className="min-w-0">
        <div className="flex flex-wrap items-baseline justify-between gap-x-3">
          <span className="min-w-0 break-words font-medium">{kindName(operation)}</span>
          <span className="font-mono text-[12px] text-ink-faint">{formatDateTime(operation.asked_at)}</span>
        </div>
        <p className="text-[12.5px] text-ink-soft">
          {operation.state}
          {start && end ? ` in ${formatDuration(Date.parse(end) - Date.parse(start))}` : ""}, asked by{" "}
          {operation.asked_by}
        </p>
        {outcome ? <p className="break-words text-[12.5px] text-ink-soft">{outcome}</p> : null}
        {operation.hint ? (
          <p className="text-[12.5px]">
            <span className="text-ink-faint">hint: </span>
            <span className="font-mono">{operation.hint}</span>
          </p>
        ) : null}
      </div>
    </li>
  );
}
