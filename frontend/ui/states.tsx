import type { ReactNode } from "react";
import { ProblemError } from "@/api/problem";
import { Button } from "./button";
import { Kbd } from "./kbd";

export function EmptyState({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-1.5 px-4 py-8 text-center" data-state="empty">
      <p className="font-medium">{title}</p>
      <div className="max-w-prose text-[13px] text-ink-soft">{children}</div>
    </div>
  );
}

/** How an application sends data; shown wherever there is none. */
export function HowToSend() {
  return (
    <>
      <p>
        Every request through the edge shows up here by itself. For spans and own logs, point an OpenTelemetry
        SDK at
      </p>
      <p className="my-1.5">
        <code className="rounded bg-sunken px-1.5 py-0.5 font-mono text-[12.5px]">
          OTEL_EXPORTER_OTLP_ENDPOINT
        </code>
      </p>
      <p>It is set already for services that the platform runs.</p>
    </>
  );
}

function isCommand(hint: string): boolean {
  return /^(bin\/)?insight\b/.test(hint);
}

export function ErrorState({ problem, onRetry }: { problem: unknown; onRetry?: () => void }) {
  const known = problem instanceof ProblemError ? problem : null;
  const detail = known?.detail ?? (problem instanceof Error ? problem.message : String(problem));
  return (
    <div
      role="alert"
      data-state="error"
      className="flex flex-col items-start gap-2 border-bad border-l-2 px-4 py-4"
    >
      <p className="font-medium text-bad">{known?.title ?? "This view failed"}</p>
      {detail ? <p className="text-[13px] text-ink-soft">{detail}</p> : null}
      {known?.hint ? (
        <p className="text-[13px]">
          <span className="text-ink-faint">hint: </span>
          {isCommand(known.hint) ? <code className="font-mono">{known.hint}</code> : known.hint}
        </p>
      ) : null}
      <div className="flex flex-wrap items-center gap-3">
        {onRetry ? <Button onClick={onRetry}>Try again</Button> : null}
        {known?.requestId ? (
          <span className="font-mono text-[12px] text-ink-faint">request {known.requestId}</span>
        ) : null}
      </div>
    </div>
  );
}

/** What is shown is not what it should be, and why. */
export function StaleBanner({ word = "Stale", children }: { word?: string; children: ReactNode }) {
  return (
    <div
      role="status"
      data-state="stale"
      className="flex flex-wrap items-center gap-x-2 rounded-md border border-warn bg-warn-soft px-3 py-2 text-[13px]"
    >
      <span className="font-semibold text-warn">
        <span aria-hidden="true">▲</span> {word}
      </span>
      <span>{children}</span>
    </div>
  );
}

export function ShortcutLine({ keys, does }: { keys: readonly string[]; does: string }) {
  return (
    <li className="flex items-center justify-between gap-4 py-1">
      <span>{does}</span>
      <span className="flex gap-1">
        {keys.map((key) => (
          <Kbd key={key}>{key}</Kbd>
        ))}
      </span>
    </li>
  );
}
