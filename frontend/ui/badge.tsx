import type { ReactNode } from "react";
import { cx } from "./cx";

export type Tone = "ok" | "pending" | "bad" | "idle" | "unknown";

const INK: Readonly<Record<Tone, string>> = {
  ok: "text-ok",
  pending: "text-warn",
  bad: "text-bad",
  idle: "text-idle",
  unknown: "text-warn",
};

const GLYPHS: Readonly<Record<Tone, ReactNode>> = {
  ok: <circle cx="6" cy="6" r="4.5" fill="currentColor" />,
  pending: (
    <>
      <circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.4" />
      <path d="M6 1.8a4.2 4.2 0 0 1 0 8.4z" fill="currentColor" />
    </>
  ),
  bad: <path d="M6 .6 11.4 6 6 11.4.6 6z" fill="currentColor" />,
  idle: <circle cx="6" cy="6" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.4" />,
  unknown: (
    <circle
      cx="6"
      cy="6"
      r="4.2"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeDasharray="2 1.8"
    />
  ),
};

/** A state by shape as well as by colour. The word beside it is the caller's. */
export function StatusGlyph({ tone }: { tone: Tone }) {
  return (
    <svg viewBox="0 0 12 12" aria-hidden="true" className={cx("size-3 shrink-0", INK[tone])}>
      {GLYPHS[tone]}
    </svg>
  );
}

export function Status({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={cx("inline-flex items-center gap-1.5 whitespace-nowrap font-medium", INK[tone])}>
      <StatusGlyph tone={tone} />
      {children}
    </span>
  );
}

const PLATES = {
  plain: "border-line-strong text-ink-soft",
  bad: "border-bad text-bad",
  accent: "border-accent text-accent",
} as const;

export function Badge({ look = "plain", children }: { look?: keyof typeof PLATES; children: ReactNode }) {
  return (
    <span
      className={cx(
        "inline-block whitespace-nowrap rounded-[3px] border px-1 font-mono text-[11px] leading-4",
        PLATES[look],
      )}
    >
      {children}
    </span>
  );
}

/** A release colour: a name and a dot, as blue and green are names here and not states. */
export function ColourMark({ colour }: { colour: string }) {
  const series =
    colour === "green" ? "var(--series-3)" : colour === "blue" ? "var(--series-5)" : "var(--idle)";
  return (
    <span className="inline-flex items-center gap-1.5 whitespace-nowrap">
      <span aria-hidden="true" className="h-3 w-1 rounded-sm" style={{ background: series }} />
      {colour}
    </span>
  );
}
