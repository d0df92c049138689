"use client";
import type { Host } from "@/api/types";
import { formatAge, formatBytes, formatClock, formatRatio, plural, UNKNOWN } from "@/lib/format";
import { Status } from "@/ui/badge";
import { cx } from "@/ui/cx";
import { Meter } from "@/ui/meter";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { isSilent, shareOf } from "./model";

type Props = { hosts: readonly Host[]; chosen: string | null; onChoose: (host: string) => void };

/** One line a host, with how full it is. */
export function HostTable({ hosts, chosen, onChoose }: Props) {
  return (
    <Table
      label="Hosts"
      head={
        <>
          <Th>Host</Th>
          <Th>State</Th>
          <Th>CPU</Th>
          <Th>Memory</Th>
          <Th>Disk</Th>
          <Th>Services</Th>
          <Th numeric>Last heard</Th>
        </>
      }
    >
      {hosts.map((host) => (
        <tr key={host.host} className={cx(host.host === chosen && "bg-accent-soft")}>
          <RowHead>
            <button
              type="button"
              data-row={host.host}
              aria-pressed={host.host === chosen}
              onClick={() => onChoose(host.host)}
              className="text-accent hover:underline"
            >
              {host.host}
            </button>
          </RowHead>
          <Figures host={host} />
        </tr>
      ))}
    </Table>
  );
}

function Figures({ host }: { host: Host }) {
  const silent = isSilent(host, Date.now());
  return (
    <>
      <Td>
        <Status tone={silent ? "unknown" : "ok"}>
          {silent ? `Silent for ${formatAge(Date.now() - Date.parse(host.last_seen))}` : "Reports"}
        </Status>
      </Td>
      <Td>
        <Meter label="CPU used" share={host.cpu_ratio}>
          {formatRatio(host.cpu_ratio)}
        </Meter>
      </Td>
      <Td>
        <Meter label="Memory used" share={shareOf(host.memory_bytes, host.memory_limit_bytes)}>
          {ofText(host.memory_bytes, host.memory_limit_bytes)}
        </Meter>
      </Td>
      <Td>
        <Meter label="Disk used" share={shareOf(host.filesystem_bytes, host.filesystem_limit_bytes)}>
          {ofText(host.filesystem_bytes, host.filesystem_limit_bytes)}
        </Meter>
      </Td>
      <Td className="whitespace-nowrap text-[12.5px]">
        <span title={host.services.join(", ")}>{plural(host.services.length, "service")}</span>
      </Td>
      <Td numeric>{formatClock(host.last_seen)}</Td>
    </>
  );
}

function ofText(used: number | null, limit: number | null): string {
  if (used === null) return UNKNOWN;
  return limit === null ? formatBytes(used) : `${formatBytes(used)} of ${formatBytes(limit)}`;
}
