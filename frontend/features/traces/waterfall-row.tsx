"use client";
import type { Span } from "@/api/types";
import { formatDuration, plural } from "@/lib/format";
import { Badge, Status } from "@/ui/badge";
import { cx } from "@/ui/cx";
import { ChevronIcon } from "@/ui/icons";
import { barOf, type Row, type Timeline } from "./layout";
import { factsOf, failureOf } from "./model";

type Props = {
  row: Row<Span>;
  timeline: Timeline;
  service: number;
  isMissingParent: boolean;
  isFolded: boolean;
  isChosen: boolean;
  onFold: (row: Row<Span>, isFolded: boolean) => void;
  onChoose: (span: Span) => void;
};
/** Deeper rows are no further to the right: what they say has to stay readable. */
const DEEPEST = 14;
const STEP_REM = 0.75;

export function WaterfallRow(props: Props) {
  const { row, isFolded, isChosen, onFold, onChoose } = props;
  const { span } = row;
  return (
    <li
      className={cx(
        "row flex border-line border-b last:border-b-0",
        isChosen ? "bg-accent-soft" : "hover:bg-sunken",
      )}
    >
      <Fold row={row} isFolded={isFolded} onFold={onFold} />
      <button
        type="button"
        data-row={row.index}
        aria-pressed={isChosen}
        onClick={() => onChoose(span)}
        className="grid min-w-0 flex-1 grid-cols-[minmax(0,1fr)_auto] items-center gap-x-3 gap-y-0.5 py-1 pr-2 text-left focus-visible:-outline-offset-2 md:grid-cols-[minmax(0,1fr)_50%_4rem]"
      >
        <Words {...props} />
        <TimeBar {...props} />
        <span className="text-right font-mono text-[12px] text-ink-soft">
          {formatDuration(span.duration_ms)}
        </span>
      </button>
    </li>
  );
}

function Fold({ row, isFolded, onFold }: Pick<Props, "row" | "isFolded" | "onFold">) {
  const indent = { paddingLeft: `${Math.min(row.depth, DEEPEST) * STEP_REM}rem` };
  if (row.children === 0) return <span className="w-6 shrink-0 box-content" style={indent} />;
  return (
    <span className="shrink-0" style={indent}>
      <button
        type="button"
        tabIndex={-1}
        aria-expanded={!isFolded}
        aria-label={`${isFolded ? "Unfold" : "Fold"} ${row.span.name}`}
        onClick={() => onFold(row, !isFolded)}
        className="flex h-full w-6 items-center justify-center text-ink-faint hover:text-ink"
      >
        <ChevronIcon open={!isFolded} />
      </button>
    </span>
  );
}

function Words({ row, service, isMissingParent, isFolded }: Props) {
  const { span } = row;
  const failure = failureOf(span);
  return (
    <span className="flex min-w-0 items-center gap-1.5 text-[13px]">
      <span
        aria-hidden="true"
        className="h-4 w-1 shrink-0 rounded-sm"
        style={{ background: `var(--series-${service % 8})` }}
      />
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

function TimeBar({ row, timeline, service }: Props) {
  const { span } = row;
  const bar = barOf(span, timeline);
  const colour = span.status === "error" ? "var(--bad)" : `var(--series-${service % 8})`;
  return (
    <span
      aria-hidden="true"
      className="relative block h-3 rounded-sm bg-sunken max-md:order-last max-md:col-span-full max-md:h-1.5"
    >
      <span
        className="absolute inset-y-0 min-w-0.5 rounded-sm"
        style={{ left: `${Math.min(bar.left, 99.5)}%`, width: `${bar.width}%`, background: colour }}
      />
    </span>
  );
}
