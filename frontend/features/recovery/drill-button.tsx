"use client";
import { useState } from "react";
import type { Recovery } from "@/api/types";
import { Button } from "@/ui/button";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { DRILLS, type DrillKind, isOver } from "./model";
import { useDrill } from "./queries";

/** Asks which procedure is rehearsed, and says what that does, before it is asked for. */
export function DrillButton({ recovery }: { recovery: Recovery }) {
  const [isOpen, setOpen] = useState(false);
  const [kind, setKind] = useState<DrillKind>("restore");
  const drill = useDrill();
  const busy = recovery.operations.some((one) => !isOver(one) && ["drill", "verify"].includes(one.kind));
  return (
    <>
      <Button disabled={busy || recovery.backups.length === 0} onClick={() => setOpen(true)}>
        Drill…
      </Button>
      <ConfirmDialog
        title="Rehearse the way back"
        open={isOpen}
        onClose={() => setOpen(false)}
        onConfirm={() => drill.mutate(kind, { onSuccess: () => setOpen(false) })}
        act="Begin the drill"
        isPending={drill.isPending}
        problem={drill.error}
      >
        <p className="text-[13px] text-ink-soft">
          On a scratch copy: the platform serves on and nothing of it is replaced. The report is kept:{" "}
          <code className="font-mono">insight drill show</code>.
        </p>
        <fieldset className="grid gap-2">
          <legend className="sr-only">What is rehearsed</legend>
          {DRILLS.map((one) => (
            <label key={one.kind} className="flex items-start gap-2 text-[13px]">
              <input
                type="radio"
                name="drill"
                className="mt-0.5"
                checked={kind === one.kind}
                onChange={() => setKind(one.kind)}
              />
              <span>
                {one.name}
                <span className="block text-[12.5px] text-ink-faint">{one.what}</span>
                {one.warning ? <span className="block text-[12.5px] text-warn">{one.warning}</span> : null}
              </span>
            </label>
          ))}
        </fieldset>
      </ConfirmDialog>
    </>
  );
}
