"use client";
import { useRef, useState } from "react";
import type { Host } from "@/api/types";
import { Freshness } from "@/features/shell/freshness";
import { LiveTools } from "@/features/shell/live-tools";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { SavedViews } from "@/features/views/saved-views";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { useRowKeys } from "@/ui/use-row-keys";
import { HostCharts } from "./host-charts";
import { HostTable } from "./host-table";
import { chosenHost } from "./model";
import { HOSTS_MS, useHosts } from "./queries";
import { RunningCard } from "./running-card";

export function InfrastructurePage() {
  const { range, changeRange } = usePageState();
  const [isPaused, setPaused] = useState(false);
  return (
    <Shell
      title="Infrastructure"
      tools={
        <>
          <SavedViews page="infrastructure" />
          <LiveTools range={range} onRange={changeRange} isPaused={isPaused} onPause={setPaused} />
        </>
      }
    >
      <Hosts isPaused={isPaused} />
    </Shell>
  );
}

function Hosts({ isPaused }: { isPaused: boolean }) {
  const { params, range, change } = usePageState();
  const hosts = useHosts(range, isPaused);
  const list = useRef<HTMLDivElement>(null);
  useRowKeys(list);
  const items = hosts.data?.items ?? [];
  const chosen = chosenHost(params.get("host"), items);
  const isLive = range.kind === "last" && !isPaused;
  return (
    <>
      <Freshness updatedAt={isLive ? hosts.dataUpdatedAt : 0} interval_ms={HOSTS_MS} />
      <div ref={list}>
        <Card title="Hosts" flush testId="hosts">
          {hosts.error && !hosts.data ? (
            <ErrorState problem={hosts.error} onRetry={() => void hosts.refetch()} />
          ) : null}
          {hosts.isPending ? <SkeletonRows rows={3} label="hosts" height="h-12" /> : null}
          {hosts.data && items.length === 0 ? (
            <EmptyState title="No host reported in this time">
              The collector reports the host that it runs on, every 5 s.
            </EmptyState>
          ) : null}
          {items.length > 0 ? (
            <HostTable hosts={items} chosen={chosen} onChoose={(host) => change({ host })} />
          ) : null}
        </Card>
      </div>
      {chosen === null && items.length > 1 ? (
        <EmptyState title="Choose a host">
          Its figures over time, and what runs on it, are shown here.
        </EmptyState>
      ) : null}
      {chosen !== null ? (
        <OneHost host={items.find(({ host }) => host === chosen)} name={chosen} isPaused={isPaused} />
      ) : null}
    </>
  );
}

function OneHost({ host, name, isPaused }: { host: Host | undefined; name: string; isPaused: boolean }) {
  const { range, changeRange } = usePageState();
  return (
    <>
      <HostCharts
        host={name}
        memoryLimit={host?.memory_limit_bytes ?? null}
        range={range}
        isPaused={isPaused}
        onRange={changeRange}
      />
      <RunningCard host={name} range={range} isPaused={isPaused} />
    </>
  );
}
