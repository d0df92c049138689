import type { Deletion } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { Status } from "@/ui/badge";
import { Card } from "@/ui/card";
import { progressOf, searchesOf, toneOf } from "./model";
import { Searches } from "./searches";

/** A job that is not over: what it waits for, or how far it is. It goes on when this page is closed. */
export function RunningJob({ job }: { job: Deletion }) {
  const { share, text } = progressOf(job);
  return (
    <Card title="Under way" testId="deletion-running" aside={<Status tone={toneOf(job)}>{job.state}</Status>}>
      <div className="flex flex-col gap-2 text-[13px]">
        <Searches searches={searchesOf(job.filter)} />
        <progress
          className="h-2 w-full"
          aria-label="Progress of the deletion"
          {...(share === null ? {} : { value: share, max: 1 })}
        />
        <p className="text-ink-soft">{text}</p>
        <p className="text-ink-faint">
          asked by {job.requested_by} at {formatDateTime(job.requested_at)}
        </p>
      </div>
    </Card>
  );
}
