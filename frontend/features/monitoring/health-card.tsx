"use client";
import type { ReactNode } from "react";
import { formatAge, formatClock, sinceText } from "@/lib/format";
import { Badge, ColourMark, Status } from "@/ui/badge";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { type Health, type HealthGroup, type HealthRow, healthOf } from "./health";
import { usePlatform } from "./queries";

export function HealthCard({ isPaused }: { isPaused: boolean }) {
  const platform = usePlatform(isPaused);
  const health = platform.data ? healthOf(platform.data) : null;
  return (
    <Card
      title="Application health"
      flush
      testId="health"
      aside={health ? <Status tone={health.overall.tone}>{health.overall.text}</Status> : null}
    >
      {platform.error && !platform.data ? (
        <ErrorState problem={platform.error} onRetry={() => void platform.refetch()} />
      ) : null}
      {platform.isPending ? <SkeletonRows rows={8} label="health" /> : null}
      {health ? <HealthTable health={health} /> : null}
    </Card>
  );
}

function HealthTable({ health }: { health: Health }) {
  return (
    <Table
      label="Health"
      head={
        <>
          <Th>Process</Th>
          <Th>State</Th>
          <Th numeric>Up since</Th>
          <Th numeric>Last check</Th>
          <Th numeric>Restarts</Th>
          <Th>Colour</Th>
          <Th>Release</Th>
        </>
      }
    >
      <Group name="Application" group={health.application}>
        No application runs. Start one with a Compose file: <code className="font-mono">insight up</code>
      </Group>
      <Group name="Platform" group={health.platform} />
    </Table>
  );
}

/** Rows below a heading; `children` is what is said when there is none. */
function Group({ name, group, children }: { name: string; group: HealthGroup; children?: ReactNode }) {
  return (
    <>
      <tr>
        <th colSpan={7} scope="rowgroup" className="bg-sunken px-3 py-1 text-left font-medium text-[12.5px]">
          {name}
        </th>
      </tr>
      {group.rows.map((row) => (
        <Row key={row.name} row={row} />
      ))}
      {group.rows.length === 0 ? (
        <tr>
          <Td span={7} className="text-[13px] text-ink-soft">
            {children}
          </Td>
        </tr>
      ) : null}
    </>
  );
}

function Row({ row }: { row: HealthRow }) {
  return (
    <tr>
      <RowHead>
        {row.name}
        {row.detail ? (
          <span className="block font-normal text-[12.5px] text-ink-soft">{row.detail}</span>
        ) : null}
      </RowHead>
      <Td>
        <Status tone={row.tone}>{row.label}</Status>
      </Td>
      <Td numeric>
        <time dateTime={row.since} title={row.since}>
          {sinceText(row.since, Date.now())}{" "}
          <span className="text-ink-faint">{formatAge(Date.now() - Date.parse(row.since))}</span>
        </time>
      </Td>
      <Td numeric>{row.lastCheck ? formatClock(row.lastCheck) : "—"}</Td>
      <Td numeric>{row.restarts}</Td>
      <Td>{row.colour ? <ColourMark colour={row.colour} /> : null}</Td>
      <Td>{row.release ? <Badge>{row.release}</Badge> : null}</Td>
    </tr>
  );
}
