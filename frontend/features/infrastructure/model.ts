/** Hosts, and what runs on them, with what each takes of processors, memory, disk and network. */
import type { Host, MetricResult, ServiceSummary } from "@/api/types";
import type { MetricQuery } from "@/features/metrics/model";
import { quoted } from "@/features/search/terms";

/** A host that sent nothing for this long is told apart; the usual distance of samples is 5 s. */
const SILENT_MS = 120_000;

export function isSilent(host: Pick<Host, "last_seen">, now: number): boolean {
  return now - Date.parse(host.last_seen) > SILENT_MS;
}

export function shareOf(used: number | null, limit: number | null): number | null {
  return used === null || !limit ? null : used / limit;
}

export type GroupedBy = "service" | "process";

/** The address chooses a host; one that is alone needs no choice. */
export function chosenHost(asked: string | null, hosts: readonly Host[]): string | null {
  return asked ?? (hosts.length === 1 ? (hosts[0]?.host ?? null) : null);
}

export function hostSearch(host: string): string {
  return `host.name:${quoted(host)}`;
}

/** A figure of a host over time; `rate` for what is counted. */
export function hostQuery(host: string, name: string, isRate: boolean): MetricQuery {
  const group_by = isRate ? ["direction"] : [];
  return { name, aggregate: "sum", rate: isRate, group_by, q: hostSearch(host) };
}

const LABELS: Readonly<Record<GroupedBy, readonly string[]>> = {
  service: ["service"],
  process: ["insight.process", "service"],
};

/** A figure of what runs on a host: of each process, or of all processes of a service together. */
export function runningQuery(host: string, name: string, by: GroupedBy): MetricQuery {
  const q = `${hostSearch(host)} insight.process:*`;
  return { name, aggregate: "sum", rate: false, group_by: LABELS[by], q };
}

export type Figures = Readonly<Record<"cpu" | "memory" | "read" | "write", MetricResult | undefined>>;
export type Running = {
  readonly name: string;
  readonly service: string;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly read: number | null;
  readonly write: number | null;
  readonly sent: number | null;
  readonly cpuPoints: readonly (number | null)[];
  readonly memoryPoints: readonly (number | null)[];
};

/** As many slots back a value is the present one; what ended is not shown with its last moment. */
const RECENT_SLOTS = 4;

type Values = readonly (number | null)[];

function recent(values: Values): number | null {
  return values.slice(-RECENT_SLOTS).findLast((value) => value !== null) ?? null;
}

function byKey(result: MetricResult | undefined, by: GroupedBy): ReadonlyMap<string, Values> {
  const keys = LABELS[by];
  const found = (result?.series ?? []).map(({ labels, points }): [string, Values] => [
    keys.map((key) => labels[key] ?? "").join("\n"),
    points.map((point) => point.value),
  ]);
  return new Map(found);
}

/** What runs now, the busiest first. What a service sends to visitors is counted where it leaves, at the edge. */
export function runningOf(
  figures: Figures,
  by: GroupedBy,
  edge: readonly ServiceSummary[],
): readonly Running[] {
  const cpu = byKey(figures.cpu, by);
  const memory = byKey(figures.memory, by);
  const read = byKey(figures.read, by);
  const write = byKey(figures.write, by);
  return [...new Set([...cpu.keys(), ...memory.keys()])]
    .map((key) => {
      const [first = "", second = ""] = key.split("\n");
      const service = by === "service" ? first : second;
      const cpuPoints = cpu.get(key) ?? [];
      const memoryPoints = memory.get(key) ?? [];
      return {
        name: first,
        service,
        cpu: recent(cpuPoints),
        memory: recent(memoryPoints),
        read: recent(read.get(key) ?? []),
        write: recent(write.get(key) ?? []),
        sent: by === "service" ? sentOf(service, edge) : null,
        cpuPoints,
        memoryPoints,
      };
    })
    .filter((row) => row.cpu !== null || row.memory !== null)
    .toSorted((a, b) => (b.cpu ?? 0) - (a.cpu ?? 0) || a.name.localeCompare(b.name));
}

function sentOf(service: string, edge: readonly ServiceSummary[]): number | null {
  const own = edge.filter((each) => each.service === service);
  return own.length === 0 ? null : own.reduce((sum, each) => sum + each.sent_bytes_per_s, 0);
}
