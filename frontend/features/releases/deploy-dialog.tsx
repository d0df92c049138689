"use client";
import { useState } from "react";
import type { ReleaseOperation } from "@/api/types";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { Field } from "@/ui/field";
import { useDeploy } from "./queries";

type Props = { unit: string; open: boolean; onClose: () => void; onAsked: (id: number) => void };

/** Releases what lies in the application's folder now; the release itself may still wait for approval. */
export function DeployDialog({ unit, open, onClose, onAsked }: Props) {
  const deploy = useDeploy();
  const [message, setMessage] = useState("");
  const [isForwardOnly, setForwardOnly] = useState(false);
  const confirm = () =>
    deploy.mutate(
      { message, forward_only: isForwardOnly },
      {
        onSuccess: (asked) => {
          onAsked((asked as ReleaseOperation).id);
          setMessage("");
          onClose();
        },
      },
    );
  return (
    <ConfirmDialog
      title={`Deploy ${unit}`}
      open={open}
      onClose={onClose}
      onConfirm={confirm}
      act="Deploy"
      isPending={deploy.isPending}
      problem={deploy.error}
    >
      <p className="text-[13px] text-ink-soft">
        Builds and releases what lies in the application's folder now. The new version is checked, gets
        visitors, is watched, and is taken back by itself when it is worse than the one that serves.
      </p>
      <Field
        label="What is new (optional)"
        value={message}
        maxLength={500}
        onChange={(event) => setMessage(event.target.value)}
      />
      <label className="flex items-start gap-2 text-[13px]">
        <input
          type="checkbox"
          className="mt-0.5"
          checked={isForwardOnly}
          onChange={(event) => setForwardOnly(event.target.checked)}
        />
        <span>
          Allow migrations that cannot be taken back
          <span className="block text-[12.5px] text-ink-faint">
            Such a release has a point of no return: its first migration.
          </span>
        </span>
      </label>
    </ConfirmDialog>
  );
}
