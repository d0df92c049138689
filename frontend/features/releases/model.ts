/** What the Releases page decides without a DOM: words, tones, lines of the journal, lines of the charts. */
import type {
  GateFigure,
  ReleaseChange,
  ReleasedUnit,
  ReleaseEntry,
  ReleaseOperation,
  ReleaseState,
  ReleaseTraffic,
} from "@/api/types";
import { formatBytes, formatDuration, formatRatio, plural } from "@/lib/format";
import type { Tone } from "@/ui/badge";

/** What the page may be about, as its address says. */
export const UNITS: readonly { readonly value: ReleasedUnit; readonly label: string }[] = [
  { value: "application", label: "Application" },
  { value: "console", label: "Console" },
];

/** The unit that an address names; the application when it names none that there is. */
export function unitOf(named: string | null): ReleasedUnit {
  return UNITS.find((unit) => unit.value === named)?.value ?? "application";
}

/** What changes in the address with the unit: an operation of the other one is no longer open. */
export function unitInAddress(unit: ReleasedUnit): { readonly unit: string | null; readonly op: null } {
  return { unit: unit === "application" ? null : unit, op: null };
}

type State = ReleaseOperation["state"];

const UNDER_WAY: ReadonlySet<string> = new Set(["queued", "running", "waiting", "held"]);

export function isOver(state: State): boolean {
  return !UNDER_WAY.has(state);
}

const STATES: Readonly<Record<string, readonly [Tone, string]>> = {
  queued: ["pending", "queued"],
  running: ["pending", "running"],
  waiting: ["unknown", "waits for approval"],
  held: ["unknown", "undecided, waits for a person"],
  done: ["ok", "done"],
  unchanged: ["idle", "served already"],
  refused: ["bad", "refused, nothing changed"],
  failed: ["bad", "failed, taken back"],
  cancelled: ["idle", "cancelled, taken back"],
};

/** A failure before anything was begun takes nothing back. */
export function outcomeWord(operation: Pick<ReleaseOperation, "state" | "release">): string {
  if (operation.state === "failed" && operation.release === null) return "failed, nothing changed";
  return stateOf(operation.state).word;
}

export function stateOf(state: State): { tone: Tone; word: string } {
  const [tone, word] = STATES[state] ?? ["idle", state];
  return { tone, word };
}

export function titleOf(operation: Pick<ReleaseOperation, "kind" | "release">): string {
  if (operation.kind === "retire") return "End of the rollback window";
  const release = operation.release ?? "";
  return operation.kind === "rollback" ? `Rollback ${release && `to ${release}`}` : `Release ${release}`;
}

const LABELS: Readonly<Record<string, string>> = {
  instant: "Old code runs on the new schema: it can be taken back at once.",
  "with-down-migration": "Old code does not run on the new schema: its migrations are taken back with it.",
  "forward-only": "Once migrated it cannot be taken back; a restore goes back further.",
};

export function labelText(label: string): string {
  return LABELS[label] ?? "";
}

const PARTS: Readonly<Record<ReleaseChange["part"], string>> = {
  artefact: "Artefact",
  config: "Configuration",
  secret: "Secret",
  schema: "Migration head",
};

export function partName(part: ReleaseChange["part"]): string {
  return PARTS[part];
}

/** "web, payments · config · schema": what changed in one line; nothing for an empty list. */
export function changesInShort(changes: readonly ReleaseChange[]): string {
  const names = (part: ReleaseChange["part"]) =>
    changes.filter((change) => change.part === part).map((change) => change.name);
  const artefacts = names("artefact");
  const secrets = names("secret").length;
  return [
    artefacts.length > 3 ? plural(artefacts.length, "artefact") : artefacts.join(", "),
    names("config").length ? "configuration" : "",
    secrets ? plural(secrets, "secret") : "",
    names("schema").length ? "schema" : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/** The first digits of a digest; a short value as it is. */
export function shortDigest(value: string | null): string {
  if (value === null) return "—";
  const bare = value.replace(/^sha256:/, "");
  return bare.length > 14 ? bare.slice(0, 12) : bare;
}

/** Entries of both lists, each once, in the order of the journal. */
export function merged(
  kept: readonly ReleaseEntry[],
  heard: readonly ReleaseEntry[],
): readonly ReleaseEntry[] {
  const bySeq = new Map([...kept, ...heard].map((entry) => [entry.seq, entry]));
  return [...bySeq.values()].sort((left, right) => left.seq - right.seq);
}

export type JournalLine = {
  readonly seq: number;
  readonly at: string;
  readonly step: string;
  readonly phase: string;
  readonly text: string;
  readonly times: number;
};

/** One line for each step, which ends where it was begun; the same note over and over is one that counts. */
export function journalLines(entries: readonly ReleaseEntry[]): readonly JournalLine[] {
  const lines: JournalLine[] = [];
  for (const entry of entries) {
    const begun = endsStep(entry)
      ? lines.findLastIndex((line) => line.step === entry.step && line.phase === "intent")
      : -1;
    const open = lines[begun];
    if (open) {
      lines[begun] = { ...open, phase: entry.phase, text: textOf(entry) };
      continue;
    }
    const line = { ...entry, text: textOf(entry), times: 1 };
    const last = lines.at(-1);
    if (last && entry.phase === "note" && isAlike(last, line)) {
      lines[lines.length - 1] = { ...line, times: last.times + 1 };
    } else lines.push(line);
  }
  return lines;
}

function endsStep(entry: ReleaseEntry): boolean {
  return entry.phase === "done" || entry.phase === "failed";
}

function isAlike(left: JournalLine, right: JournalLine): boolean {
  const bare = (text: string) => text.replace(/\d+/g, "");
  return left.phase === "note" && left.step === right.step && bare(left.text) === bare(right.text);
}

function textOf({ detail }: ReleaseEntry): string {
  const said = detail.line ?? detail.message ?? detail.tolerated;
  if (typeof said === "string") return said;
  return typeof detail.took_ms === "number" && detail.took_ms > 0 ? formatDuration(detail.took_ms) : "";
}

/** A figure of a gate in its own unit. */
export function gateValue(gate: string, value: number | null | undefined): string {
  if (gate === "slowest_p95") return formatDuration(value);
  if (gate.endsWith("_ratio")) return value == null ? "—" : `${value.toFixed(2)}×`;
  if (gate === "most_errors" || gate === "error_increase") return formatRatio(value);
  if (gate.includes("bytes")) return formatBytes(value);
  return value == null ? "—" : String(Number(value.toFixed(3)));
}

const GATES: Readonly<Record<string, string>> = {
  most_errors: "Errors",
  error_increase: "Errors against previous",
  slowest_p95: "p95",
  p95_ratio: "p95 against previous",
  memory_ratio: "Memory against previous",
  most_restarts: "Restarts",
};

export function gateName(gate: string): string {
  return GATES[gate] ?? gate.replace(/^metric:/, "Metric ");
}

export function outcomeTone(outcome: GateFigure["outcome"]): Tone {
  return outcome === "pass" ? "ok" : outcome === "fail" ? "bad" : "unknown";
}

export type Comparison = {
  readonly times: readonly number[];
  readonly errors: readonly (readonly (number | null)[])[];
  readonly p95: readonly (readonly (number | null)[])[];
  readonly names: readonly string[];
};

/** Lines of the new release first; null while there is nothing to compare. */
export function comparisonOf(traffic: ReleaseTraffic): Comparison | null {
  const [first] = traffic.releases;
  if (first === undefined || traffic.releases.every((one) => one.points.every((at) => at.requests === 0))) {
    return null;
  }
  return {
    times: first.points.map((point) => Date.parse(point.t) / 1000),
    errors: traffic.releases.map((one) => one.points.map((point) => point.error_ratio)),
    p95: traffic.releases.map((one) => one.points.map((point) => point.p95_ms)),
    names: traffic.releases.map((one, at) => `${at === 0 ? "new" : "previous"} ${one.release}`),
  };
}

/** Milliseconds for which the warm release can still be switched back to; null when it cannot. */
export function windowLeft(state: ReleaseState, now: number): number | null {
  if (state.warm === null || state.warm_until === null) return null;
  const left = Date.parse(state.warm_until) - now;
  return left > 0 ? left : null;
}
