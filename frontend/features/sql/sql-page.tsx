"use client";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { useSession } from "@/features/session/queries";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Kbd } from "@/ui/kbd";
import { Select } from "@/ui/select";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { EXAMPLES, sqlFromParams } from "./model";
import { useSql } from "./queries";
import { ResultTable } from "./result-table";

/** SQL over the telemetry store, read-only, for administrators. */
export function SqlPage() {
  const session = useSession();
  const isAllowed = session.data?.user.role === "administrator";
  return (
    <Shell title="SQL">
      {isAllowed ? (
        <Console />
      ) : (
        <EmptyState title="This is for administrators">
          SQL reads everything that is stored, whoever it belongs to.
        </EmptyState>
      )}
    </Shell>
  );
}

const ROWS = [100, 1000, 10_000].map((rows) => ({ value: String(rows), label: `at most ${rows} rows` }));
const SECONDS = [5, 20, 60].map((s) => ({ value: String(s), label: `at most ${s} s` }));

function Console() {
  const { params, change } = usePageState();
  const asked = sqlFromParams(new URLSearchParams(params));
  const [text, setText] = useState(asked.sql);
  const run = useSql();
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (text.trim() === "") return;
    change({ sql: text });
    run.mutate({ ...asked, sql: text });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    submit();
  };
  return (
    <>
      <Card title="A statement that reads" testId="sql">
        <form onSubmit={submit} className="flex flex-col gap-2">
          <textarea
            aria-label="SQL"
            value={text}
            rows={8}
            maxLength={100_000}
            spellCheck={false}
            placeholder="SELECT ServiceName, count() FROM logs WHERE Timestamp > now() - INTERVAL 1 HOUR GROUP BY ServiceName"
            onChange={(event) => setText(event.target.value)}
            onKeyDown={onKey}
            className="w-full resize-y rounded border border-line-strong bg-raised p-2.5 font-mono text-[12.5px] placeholder:text-ink-faint"
          />
          <div className="flex flex-wrap items-center gap-2">
            <Button type="submit" look="primary" disabled={run.isPending || text.trim() === ""}>
              {run.isPending ? "Running …" : "Run"}
            </Button>
            <span className="flex items-center gap-1 text-[12px] text-ink-faint max-sm:hidden">
              <Kbd>Ctrl</Kbd>
              <Kbd>Enter</Kbd>
            </span>
            <Select
              label="Most rows"
              value={String(asked.most_rows)}
              options={ROWS}
              onChange={(rows) => change({ rows })}
            />
            <Select
              label="Longest time"
              value={String(asked.timeout_s)}
              options={SECONDS}
              onChange={(s) => change({ s })}
            />
            <span className="text-[12.5px] text-ink-faint">
              Reads only; the store also bounds its memory. Each run is in the audit log.
            </span>
          </div>
        </form>
      </Card>
      {run.error ? <ErrorState problem={run.error} onRetry={() => submit()} /> : null}
      {run.isPending ? <SkeletonRows rows={8} label="rows" /> : null}
      {run.data ? <ResultTable result={run.data} /> : null}
      {run.isIdle ? <Examples onChoose={setText} /> : null}
    </>
  );
}

function Examples({ onChoose }: { onChoose: (sql: string) => void }) {
  return (
    <Card title="Begin with">
      <ul className="grid gap-2 lg:grid-cols-2">
        {EXAMPLES.map(({ title, sql }) => (
          <li key={title}>
            <button
              type="button"
              onClick={() => onChoose(sql)}
              className="h-full w-full rounded border border-line bg-raised px-3 py-2 text-left hover:border-accent"
            >
              <span className="block font-medium text-[13px]">{title}</span>
              <span className="block whitespace-pre-wrap break-words font-mono text-[12px] text-ink-faint">
                {sql}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
