"use client";
import { useState } from "react";
import { ProblemError } from "@/api/problem";
import type { ReleasedUnit, ReleaseState } from "@/api/types";
import { useMay } from "@/features/session/role";
import { Freshness } from "@/features/shell/freshness";
import { Shell } from "@/features/shell/shell";
import { usePageState } from "@/features/shell/use-page-state";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { cx } from "@/ui/cx";
import { Segmented } from "@/ui/segmented";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { DeployDialog } from "./deploy-dialog";
import { Maintenance, MaintenanceButton } from "./maintenance";
import { isOver, UNITS, unitInAddress, unitOf } from "./model";
import { OperationDetail } from "./operation-detail";
import { RELEASES_MS, useOperations, useReleaseState } from "./queries";
import { ServingCard } from "./serving-card";
import { Timeline } from "./timeline";

export function ReleasesPage() {
  const { params, change } = usePageState();
  const unit = unitOf(params.get("unit"));
  const operations = useOperations(unit);
  const state = useReleaseState(unit);
  const items = operations.data?.items ?? [];
  const isUnknown = operations.error instanceof ProblemError && operations.error.kind === "not_found";
  const isEmpty = isUnknown || (operations.data !== undefined && items.length === 0);
  const pick = (id: number | null) => change({ op: id === null ? null : String(id) });
  return (
    <Shell
      title="Releases"
      tools={
        <>
          <Segmented
            label="What is released"
            value={unit}
            options={UNITS}
            onChange={(next) => change(unitInAddress(next))}
          />
          {state.data?.unit && unit === "application" ? (
            <Actions state={state.data} isBusy={items.some((one) => !isOver(one.state))} onAsked={pick} />
          ) : null}
        </>
      }
    >
      <Freshness updatedAt={operations.dataUpdatedAt} interval_ms={RELEASES_MS} />
      {state.data ? <Maintenance state={state.data} /> : null}
      {isEmpty && !state.data?.serving ? null : <ServingCard unit={unit} state={state} onAsked={pick} />}
      {isEmpty ? (
        <Nothing unit={unit} />
      ) : (
        <Operations operations={operations} picked={Number(params.get("op")) || null} onPick={pick} />
      )}
    </Shell>
  );
}

type OperationsProps = {
  operations: ReturnType<typeof useOperations>;
  picked: number | null;
  onPick: (id: number | null) => void;
};

/** The timeline, and beside it (on a narrow screen instead of it) the operation that was picked. */
function Operations({ operations, picked, onPick }: OperationsProps) {
  const items = operations.data?.items ?? [];
  const shown = picked ?? items.find((one) => one.kind !== "retire")?.id ?? items[0]?.id ?? null;
  return (
    <div className="grid items-start gap-3 xl:grid-cols-[minmax(20rem,27rem)_minmax(0,1fr)]">
      <Card title="Timeline" flush testId="releases" className={cx(picked !== null && "max-xl:hidden")}>
        {operations.error && !operations.data ? (
          <ErrorState problem={operations.error} onRetry={() => void operations.refetch()} />
        ) : null}
        {operations.isPending ? <SkeletonRows rows={6} label="releases" height="h-16" /> : null}
        {operations.data ? <Timeline items={items} shown={shown} onPick={onPick} /> : null}
      </Card>
      {shown === null ? null : (
        <div className={cx("flex min-w-0 flex-col gap-3", picked === null && "max-xl:hidden")}>
          {picked === null ? null : (
            <Button look="quiet" className="self-start xl:hidden" onClick={() => onPick(null)}>
              ← Timeline
            </Button>
          )}
          <OperationDetail key={shown} id={shown} />
        </div>
      )}
    </div>
  );
}

function Nothing({ unit }: { unit: ReleasedUnit }) {
  return (
    <Card title="Timeline" testId="releases">
      {unit === "application" ? (
        <EmptyState title="Nothing was released yet">
          <p>
            <code className="font-mono">insight deploy</code> releases the application of a Compose file;
            every release then stands here with what it changed and how it was judged.
          </p>
        </EmptyState>
      ) : (
        <EmptyState title="The console was not released yet">
          <p>
            It runs as it came up. <code className="font-mono">insight deploy --unit console</code> releases a
            new version of the console and its API under everybody who works with it.
          </p>
        </EmptyState>
      )}
    </Card>
  );
}

function Actions({
  state,
  isBusy,
  onAsked,
}: {
  state: ReleaseState;
  isBusy: boolean;
  onAsked: (id: number) => void;
}) {
  const may = useMay("operator");
  const [isOpen, setOpen] = useState(false);
  if (!may)
    return <span className="text-[12.5px] text-ink-faint">An operator may deploy and roll back.</span>;
  return (
    <>
      <MaintenanceButton state={state} />
      <Button look="primary" disabled={isBusy} onClick={() => setOpen(true)}>
        Deploy…
      </Button>
      <DeployDialog unit={state.unit ?? ""} open={isOpen} onClose={() => setOpen(false)} onAsked={onAsked} />
    </>
  );
}
