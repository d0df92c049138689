"use client";
import type { RecoveryOperation } from "@/api/types";
import { useMay } from "@/features/session/role";
import { formatBytes, formatBytesRate, formatDateTime } from "@/lib/format";
import { Status } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ErrorState } from "@/ui/states";
import { doneShare, kindName, operationTone, seconds } from "./model";
import { useCancelOperation, useFollowed } from "./queries";

/** An operation under way: its step, how far it is, how fast, and how long it will still take. */
export function RunningOperation({ operation }: { operation: RecoveryOperation }) {
  const found = useFollowed(operation);
  const cancel = useCancelOperation();
  const may = useMay("operator");
  const share = doneShare(found);
  const { progress } = found;
  return (
    <Card
      title={kindName(found)}
      testId="running"
      aside={<Status tone={operationTone(found)}>{found.step ?? found.state}</Status>}
    >
      <div className="flex flex-col gap-2 text-[13px]">
        {progress ? (
          <>
            <progress
              className="h-2 w-full"
              aria-label={progress.text}
              {...(share === null ? {} : { value: share, max: 1 })}
            />
            <p className="text-ink-soft">
              {progress.text}: {formatBytes(progress.done_bytes)}
              {progress.total_bytes === null ? "" : ` of ${formatBytes(progress.total_bytes)}`}
              {progress.bytes_per_s > 0 ? `, ${formatBytesRate(progress.bytes_per_s)}` : ""}
              {progress.left_s === null ? "" : `, ${seconds(progress.left_s)} left`}
            </p>
          </>
        ) : null}
        <p className="flex flex-wrap items-center gap-3 text-ink-faint">
          asked by {found.asked_by} at {formatDateTime(found.asked_at)}
          {may && found.can_be_taken_back ? (
            <Button onClick={() => cancel.mutate(found.id)} disabled={cancel.isPending}>
              Take it back
            </Button>
          ) : null}
        </p>
        {cancel.error ? <ErrorState problem={cancel.error} /> : null}
      </div>
    </Card>
  );
}
