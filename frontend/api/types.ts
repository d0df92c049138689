/** Names for the shapes of the generated client. Nothing is declared here that the API does not say. */
import type { components, paths } from "./generated";

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
type Query<Path extends keyof paths> = paths[Path] extends {
  get: { parameters: { query?: infer Asked } };
}
  ? NonNullable<Asked>
  : never;
export type CompletionList = Ok<"/api/v1/telemetry/completions", "get">;
export type Completion = CompletionList["items"][number];
export type Signals = NonNullable<Query<"/api/v1/telemetry/completions">["signals"]>;
export type FacetList = Ok<"/api/v1/telemetry/logs/facets", "get">;
export type LogPattern = Ok<"/api/v1/telemetry/logs/patterns", "get">["items"][number];
export type LogTail = components["schemas"]["LogTail"];
export type SavedView = Ok<"/api/v1/views", "get">["items"][number];
export type ViewPage = SavedView["page"];
export type FlameGraph = Ok<"/api/v1/telemetry/traces/flamegraph", "get">;
export type FlameNode = FlameGraph["roots"][number];
export type ErrorGroup = Ok<"/api/v1/telemetry/exceptions", "get">["items"][number];
export type ExceptionDetail = Ok<"/api/v1/telemetry/exceptions/{group_id}", "get">;
export type ExceptionOccurrence = ExceptionDetail["occurrences"][number];
export type Metric = Ok<"/api/v1/telemetry/metrics", "get">["items"][number];
export type MetricLabel = Ok<"/api/v1/telemetry/metrics/labels", "get">["items"][number];
export type MetricResult = Ok<"/api/v1/telemetry/metrics/query", "get">;
export type Aggregate = components["schemas"]["Aggregate"];
export type Host = Ok<"/api/v1/telemetry/hosts", "get">["items"][number];
export type HostProcess = Ok<"/api/v1/telemetry/processes", "get">["items"][number];
export type SqlResult = Ok<"/api/v1/telemetry/sql", "post">;
export type Deletion = Ok<"/api/v1/telemetry/deletions", "get">["items"][number];
export type ReleasedUnit = components["schemas"]["Released"];
export type ReleaseState = Ok<"/api/v1/releases/state", "get">;
export type ReleaseOperation = Ok<"/api/v1/releases/operations", "get">["items"][number];
export type ReleaseDetail = Ok<"/api/v1/releases/operations/{operation_id}", "get">;
export type ReleaseEntry = ReleaseDetail["entries"][number];
export type ReleaseChange = ReleaseOperation["changes"][number];
export type GateVerdict = ReleaseDetail["verdicts"][number];
export type GateFigure = GateVerdict["results"][number];
export type ReleaseTraffic = Ok<"/api/v1/releases/operations/{operation_id}/traffic", "get">;
export type KeptRelease = Ok<"/api/v1/releases", "get">["items"][number];
export type Recovery = Ok<"/api/v1/recovery", "get">;
export type BackupEntry = Recovery["backups"][number];
export type RecoveryRepository = Recovery["repositories"][number];
export type RecoveryOperation = Recovery["operations"][number];
export type RecoveryOperationDetail = Ok<"/api/v1/recovery/operations/{operation_id}", "get">;
export type RestorePlan = Ok<"/api/v1/recovery/plan", "get">;
