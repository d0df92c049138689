import type { Recovery } from "@/api/types";
import { formatBytes, formatDateTime, plural } from "@/lib/format";
import { Status } from "@/ui/badge";
import { Card } from "@/ui/card";
import { EmptyState } from "@/ui/states";

/** Where backups lie, how far each place has the log, and who else follows the server. */
export function RepositoriesCard({ recovery }: { recovery: Recovery }) {
  const { replication } = recovery;
  return (
    <Card title="Repositories and replication" flush testId="repositories">
      <ul>
        {recovery.repositories.map((one) => (
          <li key={one.repository} className="border-line border-b px-3 py-2 text-[13px]">
            <div className="flex flex-wrap items-baseline justify-between gap-x-3">
              <span className="min-w-0 break-all font-medium">{one.repository}</span>
              <Status tone={one.problem ? "bad" : "ok"}>{one.problem ? "has a problem" : "answers"}</Status>
            </div>
            <p className="text-[12.5px] text-ink-soft">
              {one.problem ??
                `log up to ${one.wal_lsn ?? "nothing"}${one.wal_at ? `, ${formatDateTime(one.wal_at)}` : ""}`}
              {one.gaps.length > 0 ? `; ${plural(one.gaps.length, "gap")}` : ""}
            </p>
          </li>
        ))}
        {replication.receivers.map((one) => (
          <li
            key={one.name}
            className="flex flex-wrap items-baseline justify-between gap-x-3 border-line border-b px-3 py-2 text-[13px] last:border-b-0"
          >
            <span>
              {one.role === "backups"
                ? "Receiver of the log"
                : one.role === "replica"
                  ? "Replica"
                  : "Follower"}{" "}
              <span className="font-mono text-[12.5px] text-ink-soft">{one.name}</span>
            </span>
            <span className="text-[12.5px] text-ink-soft">
              {one.state}, {one.is_synchronous ? "synchronous" : "asynchronous"}, {formatBytes(one.lag_bytes)}{" "}
              behind
            </span>
          </li>
        ))}
      </ul>
      {replication.problem ? (
        <p className="px-3 py-2 text-[13px] text-bad">{replication.problem}</p>
      ) : replication.receivers.length === 0 ? (
        <EmptyState title="Nobody receives the write-ahead log">
          <p>What is written now is in no backup until somebody does.</p>
        </EmptyState>
      ) : null}
    </Card>
  );
}
