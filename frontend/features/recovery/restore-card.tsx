"use client";
import { useState } from "react";
import type { Recovery, RestorePlan } from "@/api/types";
import { useMay } from "@/features/session/role";
import { formatAge, formatBytes, formatDateTime } from "@/lib/format";
import { Status } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { Fact, Facts } from "@/ui/facts";
import { Select } from "@/ui/select";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { seconds, standingOf, type Target } from "./model";
import { usePlan, useRestore } from "./queries";

type Props = { recovery: Recovery; target: Target; onChoose: (to: string | null) => void };

/** The plan of a restore: shown before anything is done, and confirmed by name. */
export function RestoreCard({ recovery, target, onChoose }: Props) {
  const plan = usePlan(target.to);
  const [isOpen, setOpen] = useState(false);
  const may = useMay("administrator");
  return (
    <Card
      title="Plan of the restore"
      testId="restore-plan"
      aside={
        <Button look="quiet" onClick={() => onChoose(null)}>
          Dismiss
        </Button>
      }
    >
      <div className="flex flex-col gap-4">
        <Targets recovery={recovery} target={target} onChoose={onChoose} />
        {plan.error ? <ErrorState problem={plan.error} onRetry={() => void plan.refetch()} /> : null}
        {plan.isPending ? <SkeletonRows rows={3} label="the plan" /> : null}
        {plan.data && !plan.error ? (
          <>
            <PlanFacts plan={plan.data} now={Date.parse(recovery.now)} />
            <div className="flex flex-wrap items-center gap-3">
              <Button look="primary" disabled={!may} onClick={() => setOpen(true)}>
                Restore…
              </Button>
              {may ? null : (
                <span className="text-[12.5px] text-ink-faint">An administrator may restore.</span>
              )}
            </div>
            <Confirm
              plan={plan.data}
              open={isOpen}
              onClose={() => setOpen(false)}
              onAsked={() => onChoose(null)}
            />
          </>
        ) : null}
      </div>
    </Card>
  );
}

/** The picked moment, beside the named points and backups that may be meant instead. */
function Targets({ recovery, target, onChoose }: Props) {
  const options = [
    { value: "latest", label: "The newest state" },
    ...(target.at === null ? [] : [{ value: target.to, label: formatDateTime(target.at) }]),
    ...recovery.points
      .slice(-30)
      .reverse()
      .map((one) => ({ value: one.name, label: `${one.name}, ${formatDateTime(one.at)}` })),
    ...recovery.backups
      .slice(0, 30)
      .map((one) => ({ value: one.id, label: `End of ${one.kind} backup, ${formatDateTime(one.ended_at)}` })),
  ];
  return (
    <Select label="Restore to" value={target.to} options={options} onChange={onChoose} className="max-w-xl" />
  );
}

function PlanFacts({ plan, now }: { plan: RestorePlan; now: number }) {
  const standing = standingOf(plan.standing);
  const databases = plan.databases.map((one) => `${one.name} (${formatBytes(one.bytes)})`).join(", ");
  return (
    <Facts>
      <Fact name="Replaces">
        every database of the cluster: {databases || "unknown"}. What is replaced is kept until confirmed.
      </Fact>
      <Fact name="Is lost">
        {plan.lost_since ? (
          <strong className="font-semibold text-bad">
            everything written since {formatDateTime(plan.lost_since)}, {lostFor(plan.lost_since, now)}
            {plan.lost_bytes === null ? "" : `, ${formatBytes(plan.lost_bytes)} of log`}
          </strong>
        ) : (
          plan.lost
        )}
      </Fact>
      <Fact
        name={`Takes (${plan.is_estimate_measured ? "by the rate measured here" : "never measured here"})`}
      >
        about {seconds(plan.estimated_s)} for {formatBytes(plan.restore_bytes)}
        {plan.wal_bytes === null ? "" : ` and ${formatBytes(plan.wal_bytes)} of log`}; databases are away only
        while the clusters change places
      </Fact>
      <Fact name="Comes from">
        <span className="break-all font-mono text-[12.5px]">{plan.chain.join(" + ")}</span>
        <br />
        <Status tone={standing.tone}>{standing.word}</Status>
      </Fact>
    </Facts>
  );
}

function lostFor(since: string, now: number): string {
  return `${formatAge(now - Date.parse(since))} of work`;
}

type ConfirmProps = { plan: RestorePlan; open: boolean; onClose: () => void; onAsked: () => void };

function Confirm({ plan, open, onClose, onAsked }: ConfirmProps) {
  const restore = useRestore();
  const confirm = () =>
    restore.mutate(
      { to: plan.to, plan: plan.id },
      {
        onSuccess: () => {
          onClose();
          onAsked();
        },
      },
    );
  return (
    <ConfirmDialog
      title="Restore all databases"
      open={open}
      onClose={onClose}
      onConfirm={confirm}
      act="Restore"
      phrase="restore"
      isPending={restore.isPending}
      problem={restore.error}
    >
      <p className="text-[13px]">
        The databases go back to <strong className="font-semibold">{plan.to}</strong>:{" "}
        {plan.lost_since ? `what was written since ${formatDateTime(plan.lost_since)} is lost` : plan.lost}.
        That also goes for the users, roles and audit log of this console.
      </p>
      <p className="text-[13px] text-ink-soft">
        It is brought back beside the present cluster, then takes its place. The present one is kept, and can
        be put back with <code className="font-mono">insight restore undo</code>.
      </p>
    </ConfirmDialog>
  );
}
