"use client";
import { useState } from "react";
import type { LogRecord } from "@/api/types";
import { formatClock } from "@/lib/format";
import { Section } from "@/ui/attributes";
import { Button } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Segmented } from "@/ui/segmented";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { headline, severityOf } from "./model";
import { useLogContext } from "./queries";

const STEPS = [5, 20, 100] as const;
const WHOSE = [
  { value: "service", label: "Its service" },
  { value: "all", label: "Everybody" },
] as const;
const INKS = { fatal: "text-bad", error: "text-bad", warn: "text-warn", info: "", debug: "", trace: "" };

/** What was said just before and after an entry. */
export function LogContext({ record }: { record: LogRecord }) {
  const [whose, setWhose] = useState<"service" | "all">("service");
  const [step, setStep] = useState(0);
  const context = useLogContext(record, whose === "service", STEPS[step] ?? STEPS[0]);
  return (
    <Section title="Around it">
      <div className="flex flex-wrap items-center justify-between gap-2 pb-1">
        <Segmented label="Whose lines" value={whose} options={WHOSE} onChange={setWhose} />
        {step < STEPS.length - 1 ? (
          <Button look="quiet" onClick={() => setStep(step + 1)}>
            {STEPS[step + 1]} on each side
          </Button>
        ) : null}
      </div>
      {context.error && !context.data ? (
        <ErrorState problem={context.error} onRetry={() => void context.refetch()} />
      ) : null}
      {context.isPending ? <SkeletonRows rows={11} label="the lines around it" height="h-6" /> : null}
      {context.data ? (
        <ol aria-label="Lines around it" className="rounded border border-line py-1">
          {[...context.data.before, record, ...context.data.after].map((each) => (
            <Line key={each.id} record={each} isIt={each.id === record.id} withService={whose === "all"} />
          ))}
        </ol>
      ) : null}
    </Section>
  );
}

type LineProps = { record: LogRecord; isIt: boolean; withService: boolean };

function Line({ record, isIt, withService }: LineProps) {
  return (
    <li
      aria-current={isIt || undefined}
      className={cx(
        "flex gap-2 border-l-2 px-2 py-0.5 font-mono text-[12px]",
        isIt ? "border-l-accent bg-accent-soft" : "border-l-transparent",
      )}
    >
      <time dateTime={record.timestamp} className="shrink-0 text-ink-faint">
        {formatClock(record.timestamp, true)}
      </time>
      {withService ? <span className="w-16 shrink-0 truncate text-ink-soft">{record.service}</span> : null}
      <span className={cx("min-w-0 truncate", INKS[severityOf(record)])} title={record.body}>
        {headline(record.body)}
      </span>
    </li>
  );
}
