"use client";
import { useState } from "react";
import type { Recovery } from "@/api/types";
import { useMay } from "@/features/session/role";
import { Freshness } from "@/features/shell/freshness";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState, StaleBanner } from "@/ui/states";
import { BackupTable } from "./backup-table";
import { DrillButton } from "./drill-button";
import { isOver, targetFromParams } from "./model";
import { ObjectiveTiles } from "./objective-tiles";
import { OperationsCard } from "./operations-card";
import { RECOVERY_MS, useBackUp, useRecovery } from "./queries";
import { RepositoriesCard } from "./repositories-card";
import { RestoreCard } from "./restore-card";
import { RunningOperation } from "./running-operation";
import { TimelineCard } from "./timeline-card";

export function RecoveryPage() {
  const recovery = useRecovery();
  const { params, change } = usePageState();
  const target = targetFromParams(new URLSearchParams(params));
  const choose = (to: string | null) => change({ to });
  const found = recovery.data;
  return (
    <Shell title="Recovery" tools={found ? <Actions recovery={found} /> : null}>
      <Freshness updatedAt={recovery.dataUpdatedAt} interval_ms={RECOVERY_MS} />
      {recovery.error && !found ? (
        <Card title="Recovery" flush>
          <ErrorState problem={recovery.error} onRetry={() => void recovery.refetch()} />
        </Card>
      ) : null}
      {recovery.isPending ? (
        <Card title="Recovery" flush>
          <SkeletonRows rows={10} label="what recovery knows" />
        </Card>
      ) : null}
      {found ? (
        <>
          <Kept recovery={found} />
          <ObjectiveTiles recovery={found} />
          {found.operations
            .filter((operation) => !isOver(operation))
            .map((operation) => (
              <RunningOperation key={operation.id} operation={operation} />
            ))}
          <TimelineCard recovery={found} target={target} onChoose={choose} />
          {target ? <RestoreCard recovery={found} target={target} onChoose={choose} /> : null}
          <BackupTable recovery={found} onChoose={choose} />
          <div className="grid items-start gap-3 xl:grid-cols-2">
            <RepositoriesCard recovery={found} />
            <OperationsCard recovery={found} />
          </div>
        </>
      ) : null}
    </Shell>
  );
}

/** A restore keeps what it replaced until somebody has looked; that takes room, and is said. */
function Kept({ recovery }: { recovery: Recovery }) {
  const count = recovery.replaced_clusters.length;
  if (count === 0) return null;
  return (
    <StaleBanner word="Kept">
      {count === 1 ? "The cluster that the last restore replaced is" : `${count} replaced clusters are`} still
      there. <code className="font-mono">insight restore undo</code> puts the last one back,{" "}
      <code className="font-mono">insight restore confirm</code> removes what is kept.
    </StaleBanner>
  );
}

function Actions({ recovery }: { recovery: Recovery }) {
  const may = useMay("operator");
  const [isOpen, setOpen] = useState(false);
  const [isFull, setFull] = useState(false);
  const backUp = useBackUp();
  const busy = recovery.operations.some(
    (one) => !isOver(one) && ["backup", "prune", "restore", "failover"].includes(one.kind),
  );
  if (!may)
    return (
      <span className="text-[12.5px] text-ink-faint">An operator may back up, verify and rehearse.</span>
    );
  return (
    <div className="flex flex-wrap justify-end gap-2">
      <DrillButton recovery={recovery} />
      <Button disabled={busy} onClick={() => setOpen(true)}>
        Back up now…
      </Button>
      <ConfirmDialog
        title="Back up now"
        open={isOpen}
        onClose={() => setOpen(false)}
        onConfirm={() => backUp.mutate(isFull, { onSuccess: () => setOpen(false) })}
        act="Back up"
        isPending={backUp.isPending}
        problem={backUp.error}
      >
        <p className="text-[13px] text-ink-soft">
          Takes what changed since the last backup, or everything where there is none to build on. It is
          listed once it is stored with its write-ahead log, and counts once it was read back.
        </p>
        <label className="flex items-center gap-2 text-[13px]">
          <input type="checkbox" checked={isFull} onChange={(event) => setFull(event.target.checked)} />
          Everything, not only what changed
        </label>
      </ConfirmDialog>
    </div>
  );
}
