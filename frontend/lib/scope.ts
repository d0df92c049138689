/** Whose telemetry a list shows: the application's, everybody's, or one service's. */

export const EVERYTHING = "*";
export type Scope = "application" | "all";

/** `?service=*` is everything, the platform's own included; a service or a trace is never cut. */
export function scopeOf(params: URLSearchParams): { service: string | null; scope: Scope } {
  const service = params.get("service") || null;
  if (service === EVERYTHING) return { service: null, scope: "all" };
  return { service, scope: service === null && !params.get("trace_id") ? "application" : "all" };
}
