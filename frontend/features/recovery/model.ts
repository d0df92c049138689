/** What the Recovery page decides without a DOM: places on the timeline, words, tones, targets. */
import type { BackupEntry, Recovery, RecoveryOperation } from "@/api/types";
import { formatDuration, UNKNOWN } from "@/lib/format";
import type { Tone } from "@/ui/badge";

export type Span = { readonly from: number; readonly until: number };
/** A part of the timeline in percent of its width. */
export type Bar = { readonly left: number; readonly width: number };

export const RANGES = [
  { value: "6h", label: "6 h", ms: 6 * 3_600_000 },
  { value: "1d", label: "1 d", ms: 86_400_000 },
  { value: "7d", label: "7 d", ms: 7 * 86_400_000 },
  { value: "30d", label: "30 d", ms: 30 * 86_400_000 },
  { value: "all", label: "All", ms: null },
] as const;
export type RangeName = (typeof RANGES)[number]["value"];

const LEAST_MS = 10 * 60_000;

/** From the range's start until now; "all" begins a little before the oldest thing known. */
export function rangeOf(name: string | null, recovery: Recovery): { name: RangeName; span: Span } {
  const found = RANGES.find((range) => range.value === name) ?? RANGES[4];
  const now = Date.parse(recovery.now);
  if (found.ms !== null) return { name: found.value, span: { from: now - found.ms, until: now } };
  const starts = [
    ...recovery.backups.map((backup) => Date.parse(backup.started_at)),
    ...recovery.repositories.flatMap(({ spans }) =>
      spans.flatMap((span) => (span.from_at ? [Date.parse(span.from_at)] : [])),
    ),
  ];
  const oldest = Math.min(now - LEAST_MS, ...starts);
  return { name: found.value, span: { from: oldest - (now - oldest) * 0.02, until: now } };
}

/** Where a stretch lies on the timeline; null when none of it does. A null end is the timeline's own. */
export function barOf(from: string | null, until: string | null, range: Span): Bar | null {
  const start = Math.max(range.from, from === null ? range.from : Date.parse(from));
  const end = Math.min(range.until, until === null ? range.until : Date.parse(until));
  if (end < start) return null;
  return { left: shareOf(start, range), width: shareOf(end, range) - shareOf(start, range) };
}

/** Percent of the width at which a moment lies. */
export function shareOf(at: number, range: Span): number {
  return (100 * (at - range.from)) / (range.until - range.from);
}

/** The moment at a share of the width (0 to 1), in whole seconds, within the range. */
export function momentAt(share: number, range: Span): number {
  const at = range.from + Math.min(1, Math.max(0, share)) * (range.until - range.from);
  return Math.floor(at / 1000) * 1000;
}

/** Round moments for the axis, at most so many. */
export function ticksOf(range: Span, most: number): readonly number[] {
  const steps = [60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 2 * 86_400, 7 * 86_400];
  const length_s = (range.until - range.from) / 1000;
  const step = (steps.find((each) => length_s / each <= most) ?? Math.ceil(length_s / most)) * 1000;
  const zone = new Date(range.from).getTimezoneOffset() * 60_000;
  const first = Math.ceil((range.from - zone) / step) * step + zone;
  return Array.from({ length: Math.floor((range.until - first) / step) + 1 }, (_, at) => first + at * step);
}

export function isRestorable(at: number, recovery: Recovery): boolean {
  return recovery.windows.some((one) => Date.parse(one.from_at) <= at && at <= Date.parse(one.until_at));
}

/** `to` as the API takes it: latest, a time with its zone, or the name of a point or backup. */
export type Target = { readonly to: string; readonly at: number | null };

export function targetFromParams(params: URLSearchParams): Target | null {
  const to = params.get("to");
  if (!to) return null;
  const at = /^\d{4}-\d\d-\d\dT/.test(to) ? Date.parse(to) : Number.NaN;
  return { to, at: Number.isNaN(at) ? null : at };
}

export function isoOf(at: number): string {
  return new Date(at).toISOString().replace(".000Z", "Z");
}

const STANDINGS: Readonly<Record<string, readonly [Tone, string]>> = {
  restored: ["ok", "proven by a restore"],
  verified: ["ok", "read back"],
  unverified: ["unknown", "unverified, counts for nothing"],
  damaged: ["bad", "damaged"],
};

export function standingOf(standing: BackupEntry["standing"]): { tone: Tone; word: string } {
  const [tone, word] = STANDINGS[standing] ?? ["unknown", standing];
  return { tone, word };
}

const STATES: Readonly<Record<string, Tone>> = {
  asked: "pending",
  running: "pending",
  done: "ok",
  failed: "bad",
  cancelled: "idle",
};

/** A verification that found something is done, and bad all the same. */
export function operationTone(operation: Pick<RecoveryOperation, "state" | "result">): Tone {
  if (operation.state === "done" && operation.result.passed === false) return "bad";
  return STATES[operation.state] ?? "unknown";
}

export function isOver(operation: Pick<RecoveryOperation, "state">): boolean {
  return !["asked", "running"].includes(operation.state);
}

/** What can be rehearsed; `warning` is what a person has to know before. */
export const DRILLS = [
  {
    kind: "restore",
    name: "restore",
    what: "The newest backup is brought back into a scratch server, every page is read, a transaction is committed. Its time is the RTO from then on.",
    warning: null,
  },
  {
    kind: "failover",
    name: "failover",
    what: "A pair of scratch servers is made of the newest backup; the first is killed under load and the second promoted. Lost transactions are counted.",
    warning: null,
  },
  {
    kind: "lose-host",
    name: "loss of the machine",
    what: "A second platform comes up on other ports from the repository alone, is asked, and is removed.",
    warning:
      "The application is started a second time with its real data: what it sends by itself, such as mail, it may send twice.",
  },
] as const;
export type DrillKind = (typeof DRILLS)[number]["kind"];

const KINDS: Readonly<Record<string, string>> = {
  backup: "Backup",
  verify: "Verification",
  prune: "Clean-up of old backups",
  restore: "Restore",
  failover: "Failover",
  drill: "Drill",
  export: "Export",
  sync: "Copy to another repository",
  telemetry: "Telemetry of a backup",
};

export function kindName(operation: Pick<RecoveryOperation, "kind" | "request">): string {
  const { kind, request } = operation;
  if (kind === "verify" && request.restore === true) return "Verification by a restore";
  if (kind === "backup" && typeof request.kind === "string") return `Backup, ${request.kind}`;
  if (kind === "restore" && request.telemetry === true) return "Telemetry brought back";
  if (kind === "restore" && typeof request.to === "string") return `Restore to ${request.to}`;
  if (kind === "drill") return `Drill: ${DRILLS.find((one) => one.kind === request.kind)?.name ?? "unknown"}`;
  return KINDS[kind] ?? kind;
}

/** What came of it, in one line. */
export function outcomeOf(operation: RecoveryOperation): string {
  if (operation.error) return operation.error;
  const { result } = operation;
  const findings = Array.isArray(result.findings) ? result.findings.map(String) : [];
  if (findings.length > 0) return findings.join("; ");
  if (operation.kind === "drill" && typeof result.verdict === "string") return result.verdict;
  if (typeof result.passed === "boolean") return result.passed ? `${result.backup}: sound` : "not sound";
  if (typeof result.telemetry_problem === "string")
    return `${result.backup}, without telemetry: ${result.telemetry_problem}`;
  if (result.restored === "telemetry") return `${result.rows} rows of ${result.backup}`;
  if (operation.kind === "telemetry" && typeof result.telemetry_rows === "number")
    return `${result.telemetry_rows} rows of ${result.backup}`;
  if (operation.kind === "telemetry") return String(operation.request.backup);
  if (Array.isArray(result.removed)) return `${result.removed.length} backups removed`;
  if (operation.kind === "restore" && result.replaced) return `kept what it replaced: ${result.replaced}`;
  return typeof result.backup === "string" ? result.backup : "";
}

/** What a figure is held against. */
export function againstTarget(target_s: number | null): string {
  return target_s === null ? "no objective is set" : `objective: at most ${formatDuration(target_s * 1000)}`;
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return value === 0 ? "0s" : formatDuration(value * 1000);
}

/** Share of an operation that is done, 0 to 1; null while nobody knows. */
export function doneShare(operation: RecoveryOperation): number | null {
  const total = operation.progress?.total_bytes;
  return operation.progress && total ? Math.min(1, operation.progress.done_bytes / total) : null;
}
