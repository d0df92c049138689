"use client";
import { useState } from "react";
import type { ReleaseState } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { Button } from "@/ui/button";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { StaleBanner } from "@/ui/states";
import { useMaintenance } from "./queries";

/** Says that visitors get the maintenance page, since when, and by whom. */
export function Maintenance({ state }: { state: ReleaseState }) {
  if (state.maintenance_by === null) return null;
  const since = state.maintenance_since ? ` since ${formatDateTime(state.maintenance_since)}` : "";
  return (
    <StaleBanner word="Closed">
      Visitors of {state.unit} get the maintenance page{since}, by {state.maintenance_by}. Health checks go
      through.
    </StaleBanner>
  );
}

export function MaintenanceButton({ state }: { state: ReleaseState }) {
  const [isOpen, setOpen] = useState(false);
  const maintenance = useMaintenance();
  const isClosed = state.maintenance_by !== null;
  const act = isClosed ? "Open for visitors" : "Close for visitors";
  return (
    <>
      <Button onClick={() => setOpen(true)}>{act}…</Button>
      <ConfirmDialog
        title={act}
        open={isOpen}
        onClose={() => setOpen(false)}
        onConfirm={() => maintenance.mutate(!isClosed, { onSuccess: () => setOpen(false) })}
        act={act}
        phrase={isClosed ? undefined : (state.unit ?? undefined)}
        isPending={maintenance.isPending}
        problem={maintenance.error}
      >
        <p className="text-[13px] text-ink-soft">
          {isClosed
            ? "Visitors reach the application again."
            : "Every visitor gets a page that says so, with status 503, until it is opened again. Health checks and releases go on."}
        </p>
      </ConfirmDialog>
    </>
  );
}
