"use client";
import { useEffect, useState } from "react";
import { RangePicker } from "@/features/shell/range-picker";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { formatAge } from "@/lib/format";
import { IconButton } from "@/ui/button";
import { PauseIcon, PlayIcon } from "@/ui/icons";
import { Select } from "@/ui/select";
import { StaleBanner } from "@/ui/states";
import { HealthCard } from "./health-card";
import { staleFor } from "./model";
import { LIVE_MS, useOverview, usePlatform } from "./queries";
import { RequestCharts } from "./request-charts";
import { ResourceCards } from "./resource-cards";
import { Tiles } from "./tiles";

export function OverviewPage() {
  const { params, range, change, changeRange } = usePageState();
  const [isPaused, setPaused] = useState(false);
  const service = params.get("service");
  const overview = useOverview(range, isPaused);
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
          <RangePicker range={range} onChange={changeRange} />
          {range.kind === "last" ? (
            <IconButton label={isPaused ? "Go live" : "Pause"} onClick={() => setPaused(!isPaused)}>
              {isPaused ? <PlayIcon /> : <PauseIcon />}
            </IconButton>
          ) : null}
        </>
      }
    >
      <Freshness updatedAt={isPaused || range.kind === "fixed" ? 0 : overview.dataUpdatedAt} />
      <Tiles query={overview} />
      <HealthCard isPaused={isPaused} />
      <RequestCharts range={range} service={service} isPaused={isPaused} onRange={changeRange} />
      <ResourceCards range={range} isPaused={isPaused} onRange={changeRange} />
    </Shell>
  );
}

/** Says so when what is shown is older than a live page may be; the old figures stay visible. */
function Freshness({ updatedAt }: { updatedAt: number }) {
  const platform = usePlatform(false);
  const [now, setNow] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const age = staleFor(updatedAt, now, LIVE_MS);
  if (age !== null) return <StaleBanner>These figures are {formatAge(age)} old.</StaleBanner>;
  if (platform.data?.stale) {
    return (
      <StaleBanner>The supervisor has not reported for more than 10 s: states may be wrong.</StaleBanner>
    );
  }
  return null;
}
