"use client";
import { type FormEvent, useState } from "react";
import { QueryField } from "@/features/search/query-field";
import { usePageState } from "@/features/shell/use-page-state";
import { toLocalField } from "@/lib/time-range";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Field } from "@/ui/field";
import { Segmented } from "@/ui/segmented";
import { ErrorState } from "@/ui/states";
import { Foreseen } from "./foreseen";
import { askedOf, type Draft, draftFromParams, problemOf } from "./model";
import { useForesee } from "./queries";

const OPTIONS = [
  { value: "both", label: "Logs and traces" },
  { value: "logs", label: "Logs" },
  { value: "traces", label: "Traces" },
] as const;
const MONTH_MS = 30 * 86_400_000;

/** What to delete: counted first, and whatever is changed after that has to be counted again. */
export function AskCard() {
  const { params, change } = usePageState();
  const [draft, setDraft] = useState<Draft>(() => {
    const now = Date.now();
    const found = draftFromParams(new URLSearchParams(params), {
      from: toLocalField(now - MONTH_MS),
      to: toLocalField(now),
    });
    const local = (time: string) => toLocalField(Date.parse(time));
    return { ...found, from: local(found.from), to: local(found.to) };
  });
  const [isChecked, setChecked] = useState(false);
  const foresee = useForesee();
  const problem = isChecked ? problemOf(draft) : null;
  const edit = (changes: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...changes }));
    if (!foresee.isIdle) foresee.reset();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (problemOf(draft) !== null || foresee.isPending) return;
    const asked = askedOf(draft);
    change({ signal: draft.signal, q: draft.q.trim(), from: asked.from, to: asked.to }, "replace");
    foresee.mutate(asked);
  };
  const problemAt = (field: string) => (problem?.field === field ? problem.text : null);
  return (
    <Card title="Delete what a search finds" testId="deletion-ask">
      <form onSubmit={submit} className="flex flex-col gap-3">
        <div>
          <Segmented
            label="Delete from"
            value={draft.signal}
            options={OPTIONS}
            onChange={(signal) => edit({ signal })}
          />
        </div>
        <div className="flex flex-col gap-1">
          <QueryField
            signals={draft.signal === "traces" ? "traces" : "logs"}
            label="What to delete"
            placeholder="Search, as on the Logs page: user.id:42"
            value={draft.q}
            onChange={(q) => edit({ q })}
            onType={(q) => edit({ q })}
          />
          {problemAt("q") ? (
            <p role="alert" className="text-[12.5px] text-bad">
              {problemAt("q")}
            </p>
          ) : null}
        </div>
        <div className="flex flex-wrap items-start gap-3">
          <Field
            label="From"
            type="datetime-local"
            step={1}
            value={draft.from}
            problem={problemAt("from")}
            onChange={(event) => edit({ from: event.target.value })}
          />
          <Field
            label="To"
            type="datetime-local"
            step={1}
            value={draft.to}
            problem={problemAt("to")}
            onChange={(event) => edit({ to: event.target.value })}
          />
          <Button type="submit" look="primary" className="sm:mt-[1.45rem]" disabled={foresee.isPending}>
            {foresee.isPending ? "Counting …" : "Count what would go"}
          </Button>
        </div>
        <p className="max-w-prose text-[12.5px] text-ink-faint">
          Of logs, the lines that fit go; of traces, every trace with a span that fits, whole. Counting
          deletes nothing.
        </p>
      </form>
      {foresee.error ? (
        <div className="mt-3">
          <ErrorState problem={foresee.error} />
        </div>
      ) : null}
      {foresee.data?.would_delete && foresee.variables ? (
        <Foreseen
          asked={foresee.variables}
          counts={foresee.data.would_delete}
          onAsked={() => foresee.reset()}
        />
      ) : null}
    </Card>
  );
}
