import type { Deletion } from "@/api/types";
import { formatDateTime } from "@/lib/format";
import { Status } from "@/ui/badge";
import { EmptyState } from "@/ui/states";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { searchesOf, toneOf, wordsOf } from "./model";
import { Searches } from "./searches";

/** Deletions that are over, the newest first, with what became of them. */
export function JobTable({ jobs }: { jobs: readonly Deletion[] }) {
  if (jobs.length === 0) {
    return (
      <EmptyState title="Nothing was deleted yet">
        Each deletion is listed here, with what became of it.
      </EmptyState>
    );
  }
  return (
    <Table
      label="Earlier deletions"
      head={
        <>
          <Th>Asked</Th>
          <Th>State</Th>
          <Th>Search</Th>
          <Th>Deleted</Th>
          <Th>Time range</Th>
          <Th>By</Th>
        </>
      }
    >
      {jobs.map((job) => (
        <tr key={job.id}>
          <RowHead className="whitespace-nowrap font-mono text-[12.5px]">
            {formatDateTime(job.requested_at)}
          </RowHead>
          <Td className="text-[13px]">
            <Status tone={toneOf(job)}>{job.state}</Status>
          </Td>
          <Td className="min-w-40">
            <Searches searches={searchesOf(job.filter)} />
          </Td>
          <Td className="min-w-48 text-[13px]">
            {job.state === "done" ? wordsOf(job.deleted) : null}
            {job.detail === "" ? null : <Detail job={job} />}
          </Td>
          <Td className="whitespace-nowrap font-mono text-[12.5px] text-ink-soft">
            {formatDateTime(job.from)}
            <br />
            {formatDateTime(job.to)}
          </Td>
          <Td className="text-[12.5px] text-ink-soft">{job.requested_by}</Td>
        </tr>
      ))}
    </Table>
  );
}

function Detail({ job }: { job: Deletion }) {
  return (
    <span className={job.state === "failed" ? "block break-words text-bad" : "block break-words text-warn"}>
      {job.detail}
    </span>
  );
}
