"use client";
import { useState } from "react";
import { formatCount, formatDateTime } from "@/lib/format";
import { Button } from "@/ui/button";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { Fact, Facts } from "@/ui/facts";
import { EmptyState } from "@/ui/states";
import { type Asked, derivedIn, isNothing, recordsIn, searchesOf, wordsOf } from "./model";
import { useDelete } from "./queries";
import { Searches } from "./searches";

type Counts = Readonly<Record<string, number>>;
type Props = { asked: Asked; counts: Counts; onAsked: () => void };

/** What would go, and the way to let it go. */
export function Foreseen({ asked, counts, onAsked }: Props) {
  const [isOpen, setOpen] = useState(false);
  const derived = derivedIn(counts);
  return (
    <div data-testid="foreseen" className="mt-3 flex flex-col gap-3 border-line border-t pt-3">
      {isNothing(counts) ? (
        <EmptyState title="Nothing fits">
          Nothing that is stored would go. What arrived in the last seconds may not be stored yet.
        </EmptyState>
      ) : (
        <>
          <Facts>
            {recordsIn(counts).map(({ name, rows }) => (
              <Fact key={name} name={name}>
                <span className="font-mono text-[18px]">{formatCount(rows)}</span>
              </Fact>
            ))}
          </Facts>
          {derived === "" ? null : (
            <p className="text-[13px] text-ink-soft">With what was derived of them: {derived}.</p>
          )}
          <WhatStays />
          <Button look="primary" className="w-fit" onClick={() => setOpen(true)}>
            Delete…
          </Button>
        </>
      )}
      <Confirm asked={asked} counts={counts} open={isOpen} onClose={() => setOpen(false)} onAsked={onAsked} />
    </div>
  );
}

function WhatStays() {
  return (
    <ul className="flex max-w-prose list-disc flex-col gap-1 pl-4 text-[12.5px] text-ink-soft">
      <li>
        What was received before and is not stored yet goes, too: the job begins when it is stored. What is
        sent later stays, so ask the application to stop first.
      </li>
      <li>
        Backups, exports and segments that were set aside keep what they hold; answers about past times are
        cached for up to five minutes.
      </li>
      <li>Counts by minute stay: they hold names of services, routes and operations only.</li>
    </ul>
  );
}

type ConfirmProps = Props & { open: boolean; onClose: () => void };

function Confirm({ asked, counts, open, onClose, onAsked }: ConfirmProps) {
  const deletion = useDelete();
  const close = () => {
    deletion.reset();
    onClose();
  };
  const confirm = () =>
    deletion.mutate(asked, {
      onSuccess: () => {
        onClose();
        onAsked();
      },
    });
  return (
    <ConfirmDialog
      title="Delete records"
      open={open}
      onClose={close}
      onConfirm={confirm}
      act="Delete"
      phrase="delete"
      isPending={deletion.isPending}
      problem={deletion.error}
    >
      <div className="flex flex-col gap-2 text-[13px]">
        <Searches searches={searchesOf(filterOf(asked))} />
        <p className="text-ink-soft">
          {formatDateTime(asked.from)} to {formatDateTime(asked.to)}
        </p>
        <p>
          <strong className="font-semibold text-bad">{wordsOf(counts)}</strong> go now. Nothing brings them
          back.
        </p>
      </div>
    </ConfirmDialog>
  );
}

function filterOf({ logs, traces }: Asked) {
  return { ...(logs === null ? {} : { logs }), ...(traces === null ? {} : { traces }) };
}
