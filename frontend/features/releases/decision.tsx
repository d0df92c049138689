"use client";
import { useState } from "react";
import type { ReleaseDetail } from "@/api/types";
import { useMay } from "@/features/session/role";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { Field } from "@/ui/field";
import { isOver } from "./model";
import { useApprove, useCancel } from "./queries";

/** What a person may decide now: agree, keep what the gates could not judge, or take it back. */
export function Decision({ detail }: { detail: ReleaseDetail }) {
  const { operation } = detail;
  const may = useMay("operator");
  const [asks, setAsks] = useState<"approve" | "cancel" | null>(null);
  const [viewed, setViewed] = useState(detail);
  if (isOver(operation.state)) return null;
  const waits = operation.state === "waiting" || operation.state === "held";
  const isHeld = operation.held !== null;
  const refusal = isHeld ? null : detail.approval_refusal;
  const approve = () => {
    setViewed(detail); // what is read and typed about stays; when the plan changed meanwhile, the API refuses
    setAsks("approve");
  };
  return (
    <Card title={waits ? "It waits for a decision" : "It is under way"} testId="decision">
      <div className="flex flex-col gap-3">
        {waits ? <p className="break-words text-[13px]">{operation.held ?? operation.summary}</p> : null}
        {operation.cancelled_by ? (
          <p className="text-[13px]">{operation.cancelled_by} cancelled it; it is being taken back.</p>
        ) : null}
        {may ? (
          <div className="flex flex-wrap items-center gap-2">
            {waits ? (
              <Button look="primary" disabled={refusal !== null || detail.plan === null} onClick={approve}>
                {isHeld ? "Keep it…" : "Approve…"}
              </Button>
            ) : null}
            <Button disabled={operation.cancelled_by !== null} onClick={() => setAsks("cancel")}>
              Take it back…
            </Button>
            {waits && refusal ? <span className="text-[12.5px] text-ink-soft">{refusal}.</span> : null}
          </div>
        ) : (
          <p className="text-[12.5px] text-ink-faint">An operator may decide.</p>
        )}
      </div>
      <Approve detail={viewed} open={asks === "approve"} onClose={() => setAsks(null)} />
      <Cancel detail={detail} open={asks === "cancel"} onClose={() => setAsks(null)} />
    </Card>
  );
}

type DialogProps = { detail: ReleaseDetail; open: boolean; onClose: () => void };

function Approve({ detail: { operation, left, plan }, open, onClose }: DialogProps) {
  const approve = useApprove(operation.id);
  const [why, setWhy] = useState("");
  const isHeld = operation.held !== null;
  return (
    <ConfirmDialog
      title={isHeld ? `Keep release ${operation.release}` : `Approve release ${operation.release}`}
      open={open}
      onClose={onClose}
      onConfirm={() => approve.mutate({ plan: plan ?? "", why }, { onSuccess: onClose })}
      act={isHeld ? "Keep it" : "Approve"}
      phrase={operation.release ?? undefined}
      isPending={approve.isPending}
      problem={approve.error}
    >
      <p className="text-[13px] text-ink-soft">
        {isHeld
          ? "The gates could not decide. It goes on serving, and the release before is drained."
          : "You agree to the plan as it is now; a different plan asks again."}
      </p>
      {left.length > 0 ? (
        <p className="break-words font-mono text-[12px] text-ink-soft">{left.join(" → ")}</p>
      ) : null}
      <Field
        label="Why (kept beside your name)"
        value={why}
        maxLength={500}
        onChange={(event) => setWhy(event.target.value)}
      />
    </ConfirmDialog>
  );
}

function Cancel({ detail: { operation }, open, onClose }: DialogProps) {
  const cancel = useCancel(operation.id);
  const what = operation.release ?? "this release";
  return (
    <ConfirmDialog
      title={`Take ${what} back`}
      open={open}
      onClose={onClose}
      onConfirm={() => cancel.mutate(null, { onSuccess: onClose })}
      act="Take it back"
      isPending={cancel.isPending}
      problem={cancel.error}
    >
      <p className="text-[13px] text-ink-soft">
        {operation.previous ? (
          <>
            Release <span className="font-mono">{operation.previous}</span> serves again. What visitors have
            begun on the new one is finished first.
          </>
        ) : (
          "Nothing served before it: there is nothing to go back to."
        )}
      </p>
    </ConfirmDialog>
  );
}
