import type { ReleaseOperation } from "@/api/types";
import { Card } from "@/ui/card";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { partName, shortDigest } from "./model";

/** Every part of the release that differs from the one before, and the migrations that it brings. */
export function Changes({ operation }: { operation: ReleaseOperation }) {
  return (
    <Card title="What changed" flush testId="changes">
      <Table
        label="What changed"
        head={
          <>
            <Th>Part</Th>
            <Th>Name</Th>
            <Th>Before</Th>
            <Th>After</Th>
          </>
        }
      >
        {operation.changes.map((change) => (
          <tr key={`${change.part}${change.name}`}>
            <RowHead className="whitespace-nowrap">{partName(change.part)}</RowHead>
            <Td>{change.name}</Td>
            <Td className="font-mono text-[12.5px] text-ink-soft">{shortDigest(change.before)}</Td>
            <Td className="font-mono text-[12.5px]">{shortDigest(change.after)}</Td>
          </tr>
        ))}
      </Table>
      {operation.migrations.length > 0 ? (
        <p className="border-line border-t px-3 py-2 text-[13px]">
          <span className="text-ink-faint">Migrations: </span>
          <span className="font-mono text-[12.5px]">{operation.migrations.join(", ")}</span>
        </p>
      ) : null}
    </Card>
  );
}
