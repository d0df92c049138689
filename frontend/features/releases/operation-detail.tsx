"use client";
import Link from "next/link";
import type { ReleaseDetail, ReleaseOperation } from "@/api/types";
import { formatDateTime, formatDuration } from "@/lib/format";
import { Badge, Status } from "@/ui/badge";
import { Card } from "@/ui/card";
import { Fact, Facts } from "@/ui/facts";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { Changes } from "./changes";
import { Decision } from "./decision";
import { Gates } from "./gates";
import { JournalCard } from "./journal-card";
import { labelText, outcomeWord, stateOf, titleOf } from "./model";
import { useDetail } from "./queries";

export function OperationDetail({ id }: { id: number }) {
  const detail = useDetail(id);
  const found = detail.data;
  if (!found) {
    return (
      <Card title="Operation" flush>
        {detail.error ? (
          <ErrorState problem={detail.error} onRetry={() => void detail.refetch()} />
        ) : (
          <SkeletonRows rows={8} label="the operation" />
        )}
      </Card>
    );
  }
  const { operation } = found;
  return (
    <>
      <Outcome detail={found} />
      <Decision detail={found} />
      {operation.changes.length > 0 || operation.migrations.length > 0 ? (
        <Changes operation={operation} />
      ) : null}
      <Gates detail={found} />
      <JournalCard detail={found} />
    </>
  );
}

function Outcome({ detail }: { detail: ReleaseDetail }) {
  const { operation } = detail;
  const state = stateOf(operation.state);
  const { started_at: start, ended_at: end } = operation;
  return (
    <Card
      title={titleOf(operation)}
      aside={<Status tone={state.tone}>{outcomeWord(operation)}</Status>}
      testId="operation"
    >
      <div className="flex flex-col gap-3">
        {operation.message ? <p>{operation.message}</p> : null}
        <Facts>
          <Fact name="Asked by">{operation.asked_by}</Fact>
          <Fact name="At">{formatDateTime(operation.asked_at)}</Fact>
          <Fact name="In place of">
            <span className="font-mono">{operation.previous ?? "nothing"}</span>
          </Fact>
          <Fact name="Took">
            {start && end ? formatDuration(Date.parse(end) - Date.parse(start)) : "not over"}
          </Fact>
        </Facts>
        <Return detail={detail} />
        <Failure operation={operation} />
        <Approvals detail={detail} />
      </div>
    </Card>
  );
}

/** How the release can be taken back, and from where on it cannot. */
function Return({ detail: { operation, point_of_no_return: point } }: { detail: ReleaseDetail }) {
  if (point) {
    return (
      <p className="border-warn border-l-2 pl-3 text-[13px]">
        <span className="font-semibold text-warn">Point of no return:</span>{" "}
        <code className="font-mono">{point.step}</code>
        {point.passed_at ? `, passed at ${formatDateTime(point.passed_at)}` : ", not reached"}. {point.reason}
      </p>
    );
  }
  if (operation.kind !== "deploy" || !operation.label) return null;
  return (
    <p className="text-[13px] text-ink-soft">
      <Badge>{operation.label}</Badge>{" "}
      {operation.migrations.length
        ? labelText(operation.label)
        : "No migration: it can be taken back from anywhere."}
    </p>
  );
}

function Failure({ operation }: { operation: ReleaseOperation }) {
  const isAsked = operation.state === "waiting" || operation.state === "held"; // told where it is decided
  if (!operation.summary || isAsked) return null;
  const isBad = ["failed", "refused"].includes(operation.state);
  const hint = operation.failure?.hint;
  const from = operation.started_at ?? operation.asked_at;
  const to = operation.ended_at ?? new Date().toISOString();
  const window = new URLSearchParams({ from, to }).toString();
  return (
    <div className={isBad ? "border-bad border-l-2 pl-3 text-[13px]" : "text-[13px] text-ink-soft"}>
      <p className="break-words">{operation.summary}</p>
      {isBad && typeof hint === "string" && hint ? (
        <p className="mt-1">
          <span className="text-ink-faint">hint: </span>
          <span className="font-mono">{hint}</span>
        </p>
      ) : null}
      {isBad ? (
        <p className="mt-1 flex flex-wrap gap-x-4">
          <Link className="text-accent underline" href={`/monitoring/traces/?${window}&outcome=errors`}>
            Traces that failed then
          </Link>
          <Link className="text-accent underline" href={`/monitoring/logs/?${window}&severity=warn`}>
            Warnings and errors then
          </Link>
        </p>
      ) : null}
    </div>
  );
}

function Approvals({ detail: { approvals } }: { detail: ReleaseDetail }) {
  if (approvals.length === 0) return null;
  return (
    <ul className="text-[13px]" aria-label="Approvals">
      {approvals.map((one) => (
        <li key={`${one.at}${one.by}`}>
          {one.plan === "accept" ? "Kept" : "Approved"} by {one.by} at {formatDateTime(one.at)}
          {one.why ? `: ${one.why}` : ""}
          {one.plan === "accept" ? null : (
            <span className="text-ink-faint">
              {" "}
              (plan <span className="font-mono">{one.plan}</span>)
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
