"use client";
import { useSession } from "@/features/session/queries";
import { Freshness } from "@/features/shell/freshness";
import { Shell } from "@/features/shell/shell";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { AskCard } from "./ask-card";
import { JobTable } from "./job-table";
import { isOver } from "./model";
import { DELETIONS_MS, useDeletions } from "./queries";
import { RunningJob } from "./running-job";

/** Deletion of the records that a search finds, such as those of one person, for administrators. */
export function DeletionPage() {
  const session = useSession();
  const isAllowed = session.data?.user.role === "administrator";
  return (
    <Shell title="Deletion">
      {isAllowed ? (
        <>
          <AskCard />
          <Jobs />
        </>
      ) : (
        <EmptyState title="This is for administrators">
          What is deleted here does not come back, whoever it belongs to.
        </EmptyState>
      )}
    </Shell>
  );
}

function Jobs() {
  const deletions = useDeletions();
  const jobs = deletions.data?.items;
  return (
    <>
      <Freshness updatedAt={deletions.dataUpdatedAt} interval_ms={DELETIONS_MS} />
      {jobs
        ?.filter((job) => !isOver(job))
        .map((job) => (
          <RunningJob key={job.id} job={job} />
        ))}
      <Card title="Earlier deletions" flush testId="deletions">
        {deletions.error && !jobs ? (
          <ErrorState problem={deletions.error} onRetry={() => void deletions.refetch()} />
        ) : null}
        {deletions.isPending ? <SkeletonRows rows={4} label="earlier deletions" /> : null}
        {jobs ? <JobTable jobs={jobs.filter(isOver)} /> : null}
      </Card>
    </>
  );
}
