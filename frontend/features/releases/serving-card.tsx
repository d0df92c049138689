"use client";
import type { UseQueryResult } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { ReleasedUnit, ReleaseOperation, ReleaseState } from "@/api/types";
import { useMay } from "@/features/session/role";
import { formatAge, formatDateTime } from "@/lib/format";
import { Status } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { Fact, Facts } from "@/ui/facts";
import { Select } from "@/ui/select";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { windowLeft } from "./model";
import { useKeptReleases, useRollBack } from "./queries";

type Props = { unit: ReleasedUnit; state: UseQueryResult<ReleaseState>; onAsked: (id: number) => void };

/** What serves, and what can come back how fast. The console itself is never closed for maintenance. */
export function ServingCard({ unit, state, onAsked }: Props) {
  const may = useMay("operator");
  const [now, setNow] = useState(0);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const tick = () => setNow(Date.now());
    tick();
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, []);
  const found = state.data;
  const left = found ? windowLeft(found, now) : null;
  return (
    <Card
      title={found?.unit ? `${found.unit} serves` : "Serving"}
      testId="serving"
      aside={
        may && found?.serving ? (
          <Button onClick={() => setOpen(true)} disabled={now === 0}>
            Roll back…
          </Button>
        ) : null
      }
    >
      {state.error && !found ? (
        <ErrorState problem={state.error} onRetry={() => void state.refetch()} />
      ) : null}
      {state.isPending ? <SkeletonRows rows={1} label="what serves" /> : null}
      {found ? (
        <Facts>
          <Fact name="Release">
            <span className="font-mono">{found.serving ?? "—"}</span>
          </Fact>
          <Fact name="Serves since">{found.serving_since ? formatDateTime(found.serving_since) : "—"}</Fact>
          <Fact name="Rollback by one switch">
            {left === null ? (
              <span className="text-ink-soft">no release is kept warm</span>
            ) : (
              <>
                to <span className="font-mono">{found.warm}</span> for {formatAge(left)}
              </>
            )}
          </Fact>
          {unit === "console" ? null : (
            <Fact name="Visitors">
              {found.maintenance_by === null ? (
                <Status tone="ok">open</Status>
              ) : (
                <Status tone="pending">closed for maintenance</Status>
              )}
            </Fact>
          )}
        </Facts>
      ) : null}
      {found ? (
        <RollbackDialog
          unit={unit}
          state={found}
          isWarm={left !== null}
          open={isOpen}
          onClose={() => setOpen(false)}
          onAsked={onAsked}
        />
      ) : null}
    </Card>
  );
}

type DialogProps = {
  unit: ReleasedUnit;
  state: ReleaseState;
  isWarm: boolean;
  open: boolean;
  onClose: () => void;
  onAsked: (id: number) => void;
};

/** The warm release comes back by one switch, another one is started and checked first. */
function RollbackDialog({ unit, state, isWarm, open, onClose, onAsked }: DialogProps) {
  const kept = useKeptReleases(unit, open);
  const rollBack = useRollBack(unit);
  const [picked, setPicked] = useState<string | null>(null);
  const others = (kept.data?.items ?? []).filter((one) => one.id !== state.serving);
  const wanted = picked ?? state.warm ?? others[0]?.id ?? "";
  const confirm = () =>
    rollBack.mutate(wanted, {
      onSuccess: (asked) => {
        onAsked((asked as ReleaseOperation).id);
        onClose();
      },
    });
  const text = (one: (typeof others)[number]) =>
    [one.id, one.state === "warm" ? "warm" : "", one.message].filter(Boolean).join(" · ");
  return (
    <ConfirmDialog
      title="Roll back"
      open={open}
      onClose={onClose}
      onConfirm={confirm}
      act="Roll back"
      phrase={wanted || undefined}
      isReady={wanted !== ""}
      isPending={rollBack.isPending}
      problem={rollBack.error ?? kept.error}
    >
      {kept.isPending ? <SkeletonRows rows={1} label="releases" /> : null}
      {kept.data && others.length === 0 ? (
        <p className="text-[13px]">There is no earlier release to go back to.</p>
      ) : (
        <>
          <Select
            label="Release to bring back"
            value={wanted}
            options={others.map((one) => ({ value: one.id, label: text(one) }))}
            onChange={setPicked}
          />
          <p className="text-[13px] text-ink-soft">
            Release <span className="font-mono">{state.serving}</span> stops serving.{" "}
            {wanted === state.warm && isWarm
              ? "The other one still runs: one switch."
              : "The other one is started and checked first."}{" "}
            It comes back with its own configuration, environment and secrets; data stays as it is.
          </p>
        </>
      )}
    </ConfirmDialog>
  );
}
