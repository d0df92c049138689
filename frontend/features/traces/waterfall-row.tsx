"use client";
import type { Span } from "@/api/types";
import { formatDuration, plural } from "@/lib/format";
import { Badge, Status } from "@/ui/badge";
import { cx } from "@/ui/cx";
import { ChevronIcon } from "@/ui/icons";
import { type Bar, barOf, type Row, type Timeline } from "./layout";
import { factsOf, failureOf } from "./model";

type Props = {
  row: Row<Span>;
  timeline: Timeline;
  service: number;
  isMissingParent: boolean;
  isFolded: boolean;
  isChosen: boolean;
  isFound: boolean;
  place: { readonly top: number; readonly height: number; readonly at: number; readonly of: number };
  onFold: (row: Row<Span>, isFolded: boolean) => void;
  onChoose: (span: Span) => void;
};
/** Deeper rows are no further to the right: what they say has to stay readable. */
const DEEPEST = 14;
const STEP_REM = 0.75;
const FOLD_REM = 1.75;

export function WaterfallRow(props: Props) {
  const { row, isFolded, isChosen, isFound, place, onFold, onChoose } = props;
  const { span } = row;
  const indent_rem = Math.min(row.depth, DEEPEST) * STEP_REM;
  return (
    <li
      aria-setsize={place.of}
      aria-posinset={place.at + 1}
      style={{ top: place.top, height: place.height }}
      className={cx(
        "absolute inset-x-0 border-line border-b",
        isChosen ? "bg-accent-soft" : isFound ? "bg-warn-soft" : "hover:bg-sunken",
      )}
    >
      {row.children > 0 ? (
        <button
          type="button"
          tabIndex={-1}
          aria-expanded={!isFolded}
          aria-label={`${isFolded ? "Unfold" : "Fold"} ${row.span.name}`}
          onClick={() => onFold(row, !isFolded)}
          style={{ left: `${indent_rem}rem` }}
          className="absolute top-0 z-1 flex h-[27px] w-6 items-center justify-center text-ink-faint hover:text-ink"
        >
          <ChevronIcon open={!isFolded} />
        </button>
      ) : null}
      <button
        type="button"
        data-row={row.index}
        aria-pressed={isChosen}
        onClick={() => onChoose(span)}
        className="grid h-full w-full content-center grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 py-1 pr-2 text-left focus-visible:-outline-offset-2 md:grid-cols-[minmax(0,1fr)_50%_4rem]"
      >
        <Words {...props} indent_rem={indent_rem} />
        <TimeBar {...props} />
        <span className="text-right font-mono text-[12px] text-ink-soft">
          {formatDuration(span.duration_ms)}
        </span>
      </button>
    </li>
  );
}

function Words({ row, service, isMissingParent, isFolded, indent_rem }: Props & { indent_rem: number }) {
  const { span } = row;
  const failure = failureOf(span);
  return (
    <span
      className="flex min-w-0 items-center gap-1.5 text-[13px]"
      style={{ paddingLeft: `${indent_rem + FOLD_REM}rem` }}
    >
      <span
        aria-hidden="true"
        className="h-4 w-1 shrink-0 rounded-sm"
        style={{ background: `var(--series-${service % 8})` }}
      />
      {row.depth > DEEPEST ? (
        <span className="shrink-0 font-mono text-[11px] text-ink-faint" title={`${row.depth} levels deep`}>
          {row.depth}▸
        </span>
      ) : null}
      {span.status === "error" ? <Status tone="bad">{""}</Status> : null}
      <span className="shrink-0 max-w-[70%] truncate font-medium">{span.name}</span>
      {isMissingParent ? <Badge>parent missing</Badge> : null}
      {row.origin === "cycle" ? <Badge>circular parents</Badge> : null}
      {factsOf(span).map((fact) => (
        <span
          key={fact.text}
          className={cx(
            "min-w-0 truncate text-[12.5px]",
            fact.isBad ? "shrink-0 text-bad" : "text-ink-faint",
          )}
        >
          {fact.text}
        </span>
      ))}
      {failure ? <span className="min-w-0 truncate text-[12.5px] text-bad">{failure}</span> : null}
      {isFolded && row.end > row.index + 1 ? (
        <span className="shrink-0 text-[12.5px] text-ink-faint">
          +{plural(row.end - row.index - 1, "span")}
          {row.errorsBelow > 0 ? (
            <span className="text-bad">, {plural(row.errorsBelow, "error")}</span>
          ) : null}
        </span>
      ) : null}
      <span className="sr-only">
        {span.service}, {span.status}
      </span>
    </span>
  );
}

/** A span that begins with the last moment is still seen; one that began later than what is shown is not. */
function leftOf({ left }: Bar): number {
  return left > 99.5 && left <= 100 ? 99.5 : left;
}

function TimeBar({ row, timeline, service }: Props) {
  const { span } = row;
  const bar = barOf(span, timeline);
  const colour = span.status === "error" ? "var(--bad)" : `var(--series-${service % 8})`;
  return (
    <span
      aria-hidden="true"
      className="relative block h-3 overflow-hidden rounded-sm bg-sunken max-md:order-last max-md:col-span-full max-md:h-1.5"
    >
      <span
        className="absolute inset-y-0 min-w-0.5 rounded-sm"
        style={{ left: `${leftOf(bar)}%`, width: `${bar.width}%`, background: colour }}
      />
    </span>
  );
}
