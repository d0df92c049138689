"use client";
import { useState } from "react";
import { Freshness } from "@/features/shell/freshness";
import { LiveTools } from "@/features/shell/live-tools";
import { ServiceSelect } from "@/features/shell/service-select";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { EVERYTHING } from "@/lib/scope";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { GroupDetail } from "./group-detail";
import { GroupList } from "./group-list";
import { EXCEPTIONS_MS, useErrorGroups } from "./queries";

export function ExceptionsPage() {
  const { params, range, changeRange } = usePageState();
  const [isPaused, setPaused] = useState(false);
  const group = params.get("group");
  return (
    <Shell
      title="Exceptions"
      tools={<LiveTools range={range} onRange={changeRange} isPaused={isPaused} onPause={setPaused} />}
    >
      {group ? <GroupDetail id={group} range={range} isPaused={isPaused} /> : <Groups isPaused={isPaused} />}
    </Shell>
  );
}

function Groups({ isPaused }: { isPaused: boolean }) {
  const { params, range, change } = usePageState();
  const service = params.get("service") || null;
  const groups = useErrorGroups(range, service === EVERYTHING ? null : service, isPaused);
  const isLive = range.kind === "last" && !isPaused;
  const items = groups.data?.items ?? [];
  return (
    <>
      <search className="flex">
        <ServiceSelect all="All services" value={service} onChange={(next) => change({ service: next })} />
      </search>
      <Freshness updatedAt={isLive ? groups.dataUpdatedAt : 0} interval_ms={EXCEPTIONS_MS} />
      <Card title="Exceptions, the most frequent first" flush testId="exceptions">
        {groups.error && !groups.data ? (
          <ErrorState problem={groups.error} onRetry={() => void groups.refetch()} />
        ) : null}
        {groups.isPending ? <SkeletonRows rows={8} label="exceptions" height="h-16" /> : null}
        {groups.data && items.length === 0 ? (
          <EmptyState title="No exception in this time">
            They are taken from spans and log lines that carry <code>exception.type</code> or a stack trace.
          </EmptyState>
        ) : null}
        <GroupList groups={items} onOpen={(group) => change({ group })} />
      </Card>
    </>
  );
}
