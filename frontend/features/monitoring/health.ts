/** What the processes' states mean to a reader: which need attention, in which order. */
import type { Platform, PlatformProcess } from "@/api/types";

export type Tone = "ok" | "pending" | "bad" | "idle" | "unknown";

type StateMeaning = { readonly label: string; readonly tone: Tone };

const MEANINGS: Readonly<Record<string, StateMeaning>> = {
  ready: { label: "Ready", tone: "ok" },
  waiting: { label: "Waiting", tone: "pending" },
  preparing: { label: "Preparing", tone: "pending" },
  starting: { label: "Starting", tone: "pending" },
  unhealthy: { label: "Unhealthy", tone: "bad" },
  backing_off: { label: "Restarting", tone: "bad" },
  crash_loop: { label: "Crash loop", tone: "bad" },
  stopping: { label: "Stopping", tone: "idle" },
  stopped: { label: "Stopped", tone: "idle" },
};

export function meaningOf(state: string): StateMeaning {
  return MEANINGS[state] ?? { label: "Unknown", tone: "unknown" };
}

export type HealthRow = {
  readonly name: string;
  readonly service: string;
  readonly colour: string | null;
  readonly release: string | null;
  readonly label: string;
  readonly tone: Tone;
  readonly detail: string | null;
  readonly since: string;
  readonly restarts: number;
  readonly lastCheck: string | null;
};

export type HealthGroup = { readonly rows: readonly HealthRow[]; readonly verdict: Verdict };
export type Verdict = { readonly tone: Tone; readonly text: string };
export type Health = {
  readonly application: HealthGroup;
  readonly platform: HealthGroup;
  readonly overall: Verdict;
};

const ATTENTION: Readonly<Record<Tone, number>> = { bad: 0, unknown: 1, pending: 2, ok: 3, idle: 4 };

function rowOf(process: PlatformProcess, isStale: boolean): HealthRow {
  const meaning = isStale ? meaningOf("stale") : meaningOf(process.state);
  return {
    name: process.name,
    service: process.labels.service ?? process.name,
    colour: process.labels.colour ?? null,
    release: process.labels.release ?? null,
    label: isStale ? `Was ${meaningOf(process.state).label.toLowerCase()}` : meaning.label,
    tone: meaning.tone,
    detail: process.detail ?? null,
    since: process.since,
    restarts: process.restarts,
    lastCheck: process.last_check ?? null,
  };
}

/** An idle colour is no fault; only what should run and does not counts against the verdict. */
export function verdictOf(rows: readonly HealthRow[]): Verdict {
  const wanted = rows.filter((row) => row.tone !== "idle");
  const first = wanted.toSorted((a, b) => ATTENTION[a.tone] - ATTENTION[b.tone])[0];
  if (first === undefined) return { tone: "unknown", text: "Nothing runs" };
  const ready = wanted.filter((row) => row.tone === "ok").length;
  if (first.tone === "unknown") return { tone: "unknown", text: "State unknown" };
  if (first.tone === "ok") return { tone: "ok", text: ready === 1 ? "Ready" : `All ${ready} ready` };
  return { tone: first.tone, text: `${ready} of ${wanted.length} ready` };
}

function groupOf(rows: readonly HealthRow[]): HealthGroup {
  const sorted = rows.toSorted(
    (a, b) => ATTENTION[a.tone] - ATTENTION[b.tone] || a.name.localeCompare(b.name),
  );
  return { rows: sorted, verdict: verdictOf(rows) };
}

export function healthOf(platform: Platform): Health {
  const rows = platform.processes.map((process) => rowOf(process, platform.stale));
  const isApplication = new Map(
    platform.processes.map((process) => [process.name, process.labels.kind === "application"]),
  );
  const application = groupOf(rows.filter((row) => isApplication.get(row.name)));
  const own = groupOf(rows.filter((row) => !isApplication.get(row.name)));
  const overall = application.rows.length === 0 ? own.verdict : verdictOf(rows);
  return { application, platform: own, overall };
}
