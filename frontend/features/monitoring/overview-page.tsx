"use client";
import { useState } from "react";
import { Freshness } from "@/features/shell/freshness";
import { LiveTools } from "@/features/shell/live-tools";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { Select } from "@/ui/select";
import { StaleBanner } from "@/ui/states";
import { HealthCard } from "./health-card";
import { LIVE_MS, useOverview, usePlatform } from "./queries";
import { RequestCharts } from "./request-charts";
import { ResourceCards } from "./resource-cards";
import { RoutesCard } from "./routes-card";
import { Tiles } from "./tiles";

export function OverviewPage() {
  const { params, range, change, changeRange } = usePageState();
  const [isPaused, setPaused] = useState(false);
  const service = params.get("service");
  const overview = useOverview(range, service, isPaused);
  const services = [...new Set(overview.data?.services.map((each) => each.service) ?? [])];
  const options = [
    { value: "", label: "All services" },
    ...services.map((name) => ({ value: name, label: name })),
  ];
  return (
    <Shell
      title="Overview"
      tools={
        <>
          <Select
            label="Service"
            value={service ?? ""}
            options={options}
            onChange={(value) => change({ service: value || null })}
          />
          <LiveTools range={range} onRange={changeRange} isPaused={isPaused} onPause={setPaused} />
        </>
      }
    >
      <Freshness
        updatedAt={isPaused || range.kind === "fixed" ? 0 : overview.dataUpdatedAt}
        interval_ms={LIVE_MS}
      />
      <SilentSupervisor />
      <Tiles query={overview} />
      <HealthCard isPaused={isPaused} />
      <RequestCharts range={range} service={service} isPaused={isPaused} onRange={changeRange} />
      <RoutesCard range={range} service={service} isPaused={isPaused} />
      <ResourceCards range={range} isPaused={isPaused} onRange={changeRange} />
    </Shell>
  );
}

/** The states of processes come from the supervisor: when it is silent, they may be wrong. */
function SilentSupervisor() {
  const platform = usePlatform(false);
  return platform.data?.stale ? (
    <StaleBanner>The supervisor has not reported for more than 10 s: states may be wrong.</StaleBanner>
  ) : null;
}
