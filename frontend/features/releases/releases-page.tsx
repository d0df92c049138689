"use client";
import { Freshness } from "@/features/shell/freshness";
import { Shell } from "@/features/shell/shell";
import { formatDateTime } from "@/lib/format";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { RELEASES_MS, useOperations } from "./queries";

export function ReleasesPage() {
  const operations = useOperations();
  return (
    <Shell title="Releases">
      <Freshness updatedAt={operations.dataUpdatedAt} interval_ms={RELEASES_MS} />
      <Card title="Timeline" flush testId="releases">
        {operations.error && !operations.data ? (
          <ErrorState problem={operations.error} onRetry={() => void operations.refetch()} />
        ) : null}
        {operations.isPending ? <SkeletonRows rows={6} label="releases" /> : null}
        {operations.data?.items.length === 0 ? <EmptyState title="Nothing was released yet" /> : null}
        <ol>
          {operations.data?.items.map((operation) => (
            <li key={operation.id} className="border-line border-b px-3 py-2 last:border-b-0">
              {formatDateTime(operation.asked_at)} · {operation.kind} of {operation.release ?? "?"} by{" "}
              {operation.asked_by}: {operation.state}
            </li>
          ))}
        </ol>
      </Card>
    </Shell>
  );
}
