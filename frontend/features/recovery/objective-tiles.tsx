import type { ReactNode } from "react";
import type { Recovery } from "@/api/types";
import { formatBytes, formatDateTime, formatDuration } from "@/lib/format";
import { Status } from "@/ui/badge";
import { againstTarget, seconds } from "./model";

/** What would be lost now and how long a restore takes, against the objectives; and what that rests on. */
export function ObjectiveTiles({ recovery }: { recovery: Recovery }) {
  const { objectives, replication } = recovery;
  const receiver = replication.receivers.find((one) => one.role === "backups");
  const replica = replication.receivers.find((one) => one.role === "replica");
  const isBreached = (name: string) => objectives.breached.includes(name);
  return (
    <dl className="grid grid-cols-1 gap-2 xs:grid-cols-2 xl:grid-cols-4" data-testid="objectives">
      <Tile
        name="Would be lost now (RPO)"
        value={seconds(objectives.rpo_s)}
        standing={against(objectives.rpo_target_s, isBreached("rpo"))}
      >
        {againstTarget(objectives.rpo_target_s)}
      </Tile>
      <Tile
        name={`A restore takes (RTO, ${objectives.is_rto_measured ? "measured" : "estimated"})`}
        value={seconds(objectives.rto_s)}
        standing={against(objectives.rto_target_s, isBreached("rto"))}
      >
        {againstTarget(objectives.rto_target_s)}
        <br />
        {objectives.rto_measured_at
          ? `${objectives.detail}, ${formatDateTime(objectives.rto_measured_at)}`
          : objectives.detail}
        <br />
        estimate for today's size: {seconds(objectives.rto_estimate_s)}
      </Tile>
      <Tile
        name="Newest proven backup"
        value={objectives.newest_proven ? age(objectives.newest_proven, recovery) : "none"}
        standing={
          objectives.newest_proven ? { tone: "ok", word: "counts" } : { tone: "bad", word: "unproven" }
        }
      >
        {objectives.newest_proven ?? "everything would be lost"}
      </Tile>
      <Tile
        name="Write-ahead log behind"
        value={receiver ? formatBytes(receiver.lag_bytes) : "no receiver"}
        standing={receiver ? { tone: "ok", word: "received" } : { tone: "bad", word: "not received" }}
      >
        {replication.problem ??
          (receiver
            ? `${receiver.state}${receiver.is_synchronous ? ", synchronous" : ", asynchronous"}`
            : "")}
        <br />
        {replica ? `replica ${formatBytes(replica.lag_bytes)} behind` : "no replica"}
      </Tile>
    </dl>
  );
}

function age(id: string, recovery: Recovery): string {
  const backup = recovery.backups.find((one) => one.id === id);
  if (!backup) return "—";
  return `${formatDuration(Date.parse(recovery.now) - Date.parse(backup.ended_at))} ago`;
}

type Standing = { tone: "ok" | "bad"; word: string };

/** Without an objective there is nothing to meet. */
function against(target_s: number | null, isBreached: boolean): Standing | null {
  if (target_s === null) return null;
  return isBreached ? { tone: "bad", word: "not met" } : { tone: "ok", word: "met" };
}

type TileProps = { name: string; value: string; standing: Standing | null; children: ReactNode };

function Tile({ name, value, standing, children }: TileProps) {
  return (
    <div className="min-w-0 rounded-md border border-line bg-surface px-3 py-2">
      <dt className="eyebrow">{name}</dt>
      <dd>
        <span className="flex flex-wrap items-baseline gap-x-3 font-semibold text-xl">
          {value}
          {standing && (
            <span className="font-normal text-[12.5px]">
              <Status tone={standing.tone}>{standing.word}</Status>
            </span>
          )}
        </span>
        <span className="block break-words text-[12px] text-ink-faint">{children}</span>
      </dd>
    </div>
  );
}
