"use client";
import type { GateFigure, GateVerdict, ReleaseDetail } from "@/api/types";
import { formatClock, plural } from "@/lib/format";
import { Status } from "@/ui/badge";
import { Card } from "@/ui/card";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { gateName, gateValue, outcomeTone } from "./model";
import { TrafficCharts } from "./traffic-charts";

/** The verdicts with their numbers, and both releases over time. */
export function Gates({ detail }: { detail: ReleaseDetail }) {
  const { verdicts, entries } = detail;
  const moved = entries.some((entry) => /^(switch|canary)\b/.test(entry.step));
  if (verdicts.length === 0 && !moved) return null;
  return (
    <Card title="Judged by its traffic" flush testId="gates">
      {verdicts.length === 0 ? (
        <p className="px-3 py-3 text-[13px] text-ink-soft">
          No verdict:{" "}
          {detail.operation.kind === "rollback" ? "a rollback is not watched." : "not judged yet."}
        </p>
      ) : null}
      {verdicts.map((verdict) => (
        <Verdict key={`${verdict.step}${verdict.at}`} verdict={verdict} />
      ))}
      {moved ? <TrafficCharts operation={detail.operation} /> : null}
    </Card>
  );
}

function Verdict({ verdict }: { verdict: GateVerdict }) {
  const share = verdict.step.split(":")[1];
  return (
    <div className="border-line border-b">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 py-2 text-[13px]">
        <Status tone={outcomeTone(verdict.outcome)}>{verdict.outcome}</Status>
        <span className="text-ink-soft">
          at {formatClock(verdict.at)}
          {share ? `, with ${share} % of the visitors` : ""}, from {verdict.basis}
        </span>
      </p>
      <Table
        label={`Gates at ${formatClock(verdict.at)}`}
        head={
          <>
            <Th>Gate</Th>
            <Th>Outcome</Th>
            <Th numeric>New</Th>
            <Th numeric>Previous</Th>
            <Th numeric>Bounds</Th>
            <Th numeric>Limit</Th>
            <Th numeric>Requests</Th>
          </>
        }
      >
        {verdict.results.map((figure) => (
          <Row key={figure.gate} figure={figure} />
        ))}
      </Table>
    </div>
  );
}

function Row({ figure }: { figure: GateFigure }) {
  const value = (one: number | null | undefined) => gateValue(figure.gate, one);
  const bounds =
    figure.low == null && figure.high == null ? "—" : `${value(figure.low)} – ${value(figure.high)}`;
  return (
    <tr title={figure.sentence}>
      <RowHead className="whitespace-nowrap">{gateName(figure.gate)}</RowHead>
      <Td>
        <Status tone={outcomeTone(figure.outcome)}>{figure.outcome}</Status>
      </Td>
      <Td numeric>{value(figure.new)}</Td>
      <Td numeric>{value(figure.previous)}</Td>
      <Td numeric>{bounds}</Td>
      <Td numeric>{value(figure.limit)}</Td>
      <Td numeric>{requests(figure)}</Td>
    </tr>
  );
}

function requests({ requests_new: now = 0, requests_previous: before = 0 }: GateFigure): string {
  if (now === 0 && before === 0) return "—";
  return before > 0 ? `${now} / ${before}` : (plural(now, "request").split(" ")[0] ?? "");
}
