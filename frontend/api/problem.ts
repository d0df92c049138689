/** What went wrong, as a value that a view can show (RFC 9457). */

export type FieldProblem = { readonly field: string; readonly message: string };
export type ProblemKind = "unauthenticated" | "forbidden" | "not_found" | "offline" | "limited" | "failed";

export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly hint: string | null = null,
    readonly requestId: string | null = null,
    readonly fields: readonly FieldProblem[] = [],
  ) {
    super(detail || title);
  }

  get kind(): ProblemKind {
    if (this.status === 0) return "offline";
    if (this.status === 401) return "unauthenticated";
    if (this.status === 403) return "forbidden";
    if (this.status === 404) return "not_found";
    return this.status === 429 ? "limited" : "failed";
  }
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `errors` is a list of `{loc|field|path, msg|message|detail}`; what does not fit is left out. */
function fieldProblems(errors: unknown): FieldProblem[] {
  if (!Array.isArray(errors)) return [];
  return errors.filter(isRecord).flatMap((entry) => {
    const place = entry.field ?? entry.loc ?? entry.path;
    const field = Array.isArray(place) ? place.slice(1).join(".") : text(place);
    const message = text(entry.message) ?? text(entry.msg) ?? text(entry.detail);
    return message === null ? [] : [{ field: field ?? "", message }];
  });
}

export function problemFromResponse(status: number, body: unknown, requestId: string | null): ProblemError {
  const fields = isRecord(body) ? body : {};
  return new ProblemError(
    status,
    text(fields.title) ?? `The server answered with ${status}`,
    text(fields.detail) ?? (status >= 502 && status <= 504 ? "The API cannot be reached at the moment." : ""),
    text(fields.hint),
    text(fields.request_id) ?? requestId,
    fieldProblems(fields.errors),
  );
}

/** A request that got no answer: the network, or the whole platform, is away. */
export function problemFromFailure(failure: unknown): ProblemError {
  if (failure instanceof ProblemError) return failure;
  const reason = failure instanceof Error ? failure.message : String(failure);
  return new ProblemError(
    0,
    "No answer from the platform",
    `The request did not reach the API (${reason}).`,
    "insight status",
  );
}

/** Only what may pass by itself is tried again. */
export function isWorthRetrying(problem: unknown): boolean {
  return problem instanceof ProblemError && (problem.status === 0 || problem.status >= 500);
}
