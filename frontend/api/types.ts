/** Names for the shapes of the generated client. Nothing is declared here that the API does not say. */
import type { paths } from "./generated";

type Ok<Path extends keyof paths, Method extends keyof paths[Path]> = paths[Path][Method] extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

export type Session = Ok<"/api/v1/auth/session", "get">;
export type Platform = Ok<"/api/v1/platform", "get">;
export type PlatformProcess = Platform["processes"][number];
export type Overview = Ok<"/api/v1/monitoring/overview", "get">;
export type ServiceSummary = Overview["services"][number];
export type Requests = Ok<"/api/v1/monitoring/requests", "get">;
export type RequestPoint = Requests["points"][number];
export type Resources = Ok<"/api/v1/monitoring/resources", "get">;
export type HostPoint = Resources["host"]["points"][number];
export type ProcessResources = Resources["processes"][number];
export type RouteSummary = Ok<"/api/v1/monitoring/routes", "get">["items"][number];
export type LogPage = Ok<"/api/v1/telemetry/logs", "get">;
export type LogRecord = LogPage["items"][number];
export type LogHistogram = Ok<"/api/v1/telemetry/logs/histogram", "get">;
export type TracePage = Ok<"/api/v1/telemetry/traces", "get">;
export type TraceSummary = TracePage["items"][number];
export type Trace = Ok<"/api/v1/telemetry/traces/{trace_id}", "get">;
export type Span = Trace["spans"][number];
