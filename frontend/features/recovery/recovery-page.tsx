"use client";
import { Freshness } from "@/features/shell/freshness";
import { Shell } from "@/features/shell/shell";
import { formatBytes, formatDateTime } from "@/lib/format";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { RECOVERY_MS, useRecovery } from "./queries";

export function RecoveryPage() {
  const recovery = useRecovery();
  return (
    <Shell title="Recovery">
      <Freshness updatedAt={recovery.dataUpdatedAt} interval_ms={RECOVERY_MS} />
      <Card title="Backups" flush testId="backups">
        {recovery.error && !recovery.data ? (
          <ErrorState problem={recovery.error} onRetry={() => void recovery.refetch()} />
        ) : null}
        {recovery.isPending ? <SkeletonRows rows={6} label="backups" /> : null}
        {recovery.data?.backups.length === 0 ? <EmptyState title="There is no backup yet" /> : null}
        <ol>
          {recovery.data?.backups.map((backup) => (
            <li key={backup.id} className="border-line border-b px-3 py-2 last:border-b-0">
              {formatDateTime(backup.started_at)} · {backup.kind}, {formatBytes(backup.stored_bytes)}:{" "}
              {backup.standing}
            </li>
          ))}
        </ol>
      </Card>
    </Shell>
  );
}
