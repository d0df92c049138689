/** How values of a metric are written, by its UCUM unit and what is asked of it. */
import type { Aggregate } from "@/api/types";
import {
  formatBytes,
  formatBytesRate,
  formatCompact,
  formatDuration,
  formatRate,
  formatRatio,
} from "@/lib/format";

type Format = (value: number | null | undefined) => string;
export type Look = { readonly format: Format; readonly isBinary: boolean };

const MILLISECONDS: Readonly<Record<string, number>> = {
  s: 1000,
  ms: 1,
  us: 0.001,
  ns: 0.000001,
  min: 60_000,
};
const BYTES: Readonly<Record<string, number>> = { By: 1, KiBy: 1024, MiBy: 1_048_576, kBy: 1000, MBy: 1e6 };

/** `1` is the unit of shares and of plain numbers alike; the conventions name shares so. */
const SHARE = /utilization|ratio|fraction/;

function scaled(format: Format, factor: number): Format {
  return (value) => format(value == null ? value : value * factor);
}

/** A rate of a histogram counts what it measured, whatever its unit; so does a count. */
export function lookOf(
  { name, unit, type }: { readonly name: string; readonly unit: string; readonly type: string },
  isRate: boolean,
  aggregate: Aggregate,
): Look {
  const isCount = aggregate === "count" || (isRate && type !== "sum");
  if (isCount) return { format: isRate ? formatRate : formatCompact, isBinary: false };
  const bytes = BYTES[unit];
  if (bytes !== undefined)
    return { format: scaled(isRate ? formatBytesRate : formatBytes, bytes), isBinary: true };
  const milliseconds = MILLISECONDS[unit];
  if (isRate) return { format: formatRate, isBinary: false };
  if (milliseconds !== undefined) return { format: scaled(formatDuration, milliseconds), isBinary: false };
  if (unit === "By/s") return { format: formatBytesRate, isBinary: true };
  if (unit === "%") return { format: scaled(formatRatio, 0.01), isBinary: false };
  return { format: unit === "1" && SHARE.test(name) ? formatRatio : formatCompact, isBinary: false };
}
