"use client";
import { formatAge, formatClock } from "@/lib/format";
import { Badge, ColourMark, Status } from "@/ui/badge";
import { Card } from "@/ui/card";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { type HealthGroup, type HealthRow, healthOf } from "./health";
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
      {health && health.application.rows.length > 0 ? (
        <Group name="Application" group={health.application} />
      ) : null}
      {health && health.application.rows.length === 0 ? (
        <EmptyState title="No application runs">Start one with a Compose file: insight up</EmptyState>
      ) : null}
      {health ? <Group name="Platform" group={health.platform} /> : null}
    </Card>
  );
}

function Group({ name, group }: { name: string; group: HealthGroup }) {
  return (
    <Table
      label={`${name} health`}
      head={
        <>
          <Th>{name}</Th>
          <Th>State</Th>
          <Th>Colour</Th>
          <Th>Release</Th>
          <Th className="text-right">Up since</Th>
          <Th className="text-right">Restarts</Th>
          <Th className="text-right">Last check</Th>
        </>
      }
    >
      {group.rows.map((row) => (
        <Row key={row.name} row={row} />
      ))}
    </Table>
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
      <Td>{row.colour ? <ColourMark colour={row.colour} /> : null}</Td>
      <Td>{row.release ? <Badge>{row.release}</Badge> : null}</Td>
      <Td numeric>
        <time dateTime={row.since} title={row.since}>
          {formatAge(Date.now() - Date.parse(row.since))}
        </time>
      </Td>
      <Td numeric>{row.restarts}</Td>
      <Td numeric>{row.lastCheck ? formatClock(row.lastCheck) : "—"}</Td>
    </tr>
  );
}
