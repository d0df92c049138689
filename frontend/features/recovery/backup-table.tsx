"use client";
import { useState } from "react";
import type { BackupEntry, Recovery } from "@/api/types";
import { useMay } from "@/features/session/role";
import { formatBytes, formatDateTime } from "@/lib/format";
import { Status } from "@/ui/badge";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { ConfirmDialog } from "@/ui/confirm-dialog";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { isOver, seconds, standingOf } from "./model";
import { useVerify } from "./queries";

type Props = { recovery: Recovery; onChoose: (to: string) => void };

/** Every backup with what it is worth, and what can be done with it. */
export function BackupTable({ recovery, onChoose }: Props) {
  const [verified, setVerified] = useState<BackupEntry | null>(null);
  const may = useMay("operator");
  const isBusy = recovery.operations.some((one) => one.kind === "verify" && !isOver(one));
  if (recovery.backups.length === 0) return null;
  return (
    <Card title="Backups" flush testId="backups">
      <Table
        label="Backups"
        head={
          <>
            <Th>Taken</Th>
            <Th>Standing</Th>
            <Th>Kind</Th>
            <Th>Last check</Th>
            <Th numeric>Size</Th>
            <Th numeric>Stored</Th>
            <Th numeric>Took</Th>
            <Th>Because</Th>
            <Th className="relative">
              <span className="sr-only">Actions</span>
            </Th>
          </>
        }
      >
        {recovery.backups.map((backup) => (
          <tr key={backup.id}>
            <RowHead className="whitespace-nowrap font-mono text-[12.5px]">
              {formatDateTime(backup.started_at)}
            </RowHead>
            <Td className="text-[13px]">
              <Status tone={standingOf(backup.standing).tone}>{standingOf(backup.standing).word}</Status>
            </Td>
            <Td className="text-[13px]">{backup.kind}</Td>
            <Td className="whitespace-nowrap text-[12.5px] text-ink-soft">
              <LastCheck backup={backup} />
            </Td>
            <Td numeric>{formatBytes(backup.plain_bytes)}</Td>
            <Td numeric>{formatBytes(backup.stored_bytes)}</Td>
            <Td numeric>{seconds(backup.seconds)}</Td>
            <Td className="min-w-32 text-[12.5px] text-ink-soft">{backup.reason}</Td>
            <Td className="whitespace-nowrap text-right">
              {may ? (
                <Button look="quiet" disabled={isBusy} onClick={() => setVerified(backup)}>
                  Verify…
                </Button>
              ) : null}
              <Button look="quiet" onClick={() => onChoose(backup.id)}>
                Restore to it…
              </Button>
            </Td>
          </tr>
        ))}
      </Table>
      <VerifyDialog backup={verified} onClose={() => setVerified(null)} />
    </Card>
  );
}

function LastCheck({ backup: { last_check: check } }: { backup: BackupEntry }) {
  if (check === null) return <>never</>;
  const how = check.kind === "restore" ? "restored" : "read";
  const found = check.findings.join("; ");
  return (
    <span title={found || undefined} className={check.passed ? "" : "text-bad"}>
      {how} {formatDateTime(check.at)}, {seconds(check.seconds)}
      {check.passed ? null : <span className="block min-w-56 whitespace-normal break-words">{found}</span>}
    </span>
  );
}

function VerifyDialog({ backup, onClose }: { backup: BackupEntry | null; onClose: () => void }) {
  const verify = useVerify();
  const [isRestore, setRestore] = useState(true);
  return (
    <ConfirmDialog
      title="Verify a backup"
      open={backup !== null}
      onClose={onClose}
      onConfirm={() =>
        backup && verify.mutate({ backup: backup.id, restore: isRestore }, { onSuccess: onClose })
      }
      act="Verify"
      isPending={verify.isPending}
      problem={verify.error}
    >
      <p className="break-all font-mono text-[12.5px]">{backup?.id}</p>
      <label className="flex items-start gap-2 text-[13px]">
        <input
          type="checkbox"
          className="mt-0.5"
          checked={isRestore}
          onChange={(event) => setRestore(event.target.checked)}
        />
        <span>
          By a whole restore into a scratch server
          <span className="block text-[12.5px] text-ink-faint">
            Every page is read, tables are compared, and it measures how long a restore takes. Without it,
            objects are compared with the manifest and a sample is read.
          </span>
        </span>
      </label>
    </ConfirmDialog>
  );
}
