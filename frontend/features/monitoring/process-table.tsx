import type { ProcessResources, ServiceSummary } from "@/api/types";
import { formatBytes, formatBytesRate, formatRatio } from "@/lib/format";
import { Sparkline } from "@/ui/sparkline";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { sentBy } from "./model";

type Props = { processes: readonly ProcessResources[]; services: readonly ServiceSummary[] };

/** A process with its children. What it sends is counted where it leaves, at the edge. */
export function ProcessTable({ processes, services }: Props) {
  return (
    <Table
      label="Resources by process"
      head={
        <>
          <Th>Process</Th>
          <Th numeric>CPU</Th>
          <Th className="w-1/5">over this time</Th>
          <Th numeric>Memory</Th>
          <Th className="w-1/5">over this time</Th>
          <Th numeric>Disk read</Th>
          <Th numeric>Disk write</Th>
          <Th numeric>Sent to visitors</Th>
        </>
      }
    >
      {processes.map((process) => (
        <tr key={process.process}>
          <RowHead>{process.process}</RowHead>
          <Td numeric>{formatRatio(process.cpu_ratio)}</Td>
          <Td>
            <Sparkline
              label="CPU over time"
              values={process.points.map((point) => point.cpu_ratio ?? null)}
            />
          </Td>
          <Td numeric>{formatBytes(process.memory_bytes)}</Td>
          <Td>
            <Sparkline
              label="Memory over time"
              values={process.points.map((point) => point.memory_bytes ?? null)}
            />
          </Td>
          <Td numeric>{formatBytesRate(process.disk_read_bytes_per_s)}</Td>
          <Td numeric>{formatBytesRate(process.disk_write_bytes_per_s)}</Td>
          <Td numeric>{formatBytesRate(sentBy(process, services))}</Td>
        </tr>
      ))}
    </Table>
  );
}
