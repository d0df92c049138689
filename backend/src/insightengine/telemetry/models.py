"""What the monitoring and telemetry routes answer, field by field.

A number that is not known (a slot without requests, a process that was not measured) is null and
never 0. Moments are in UTC; durations are milliseconds unless the name says otherwise.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Ratio = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class LogSeverity(StrEnum):
    """OpenTelemetry's six ranges of severity numbers."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"


class SortOrder(StrEnum):
    ASCENDING = "asc"
    DESCENDING = "desc"


class Scope(StrEnum):
    """`application` leaves out what the platform does for itself, its console included."""

    APPLICATION = "application"
    ALL = "all"


class TraceStatus(StrEnum):
    OK = "ok"
    ERROR = "error"


class SpanKind(StrEnum):
    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    UNSPECIFIED = "unspecified"


class SpanStatus(StrEnum):
    UNSET = "unset"
    OK = "ok"
    ERROR = "error"


class RequestTotals(Model):
    """Rate, errors and duration of the requests that the edge answered in one range."""

    from_: datetime = Field(alias="from")
    to: datetime
    requests: int
    requests_per_s: float
    error_ratio: Ratio | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class ServiceRequests(Model):
    service: str
    colour: str
    release: str
    requests: int
    requests_per_s: float
    error_ratio: Ratio | None
    p95_ms: float | None
    sent_bytes_per_s: float


class Overview(RequestTotals):
    previous: RequestTotals
    services: tuple[ServiceRequests, ...]


class RequestPoint(Model):
    """One slot; `t` is its start. Errors are answers with status 500 or higher."""

    t: datetime
    requests: int
    requests_per_s: float
    errors: int
    error_ratio: Ratio | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class RequestSeries(Model):
    step_s: int
    points: tuple[RequestPoint, ...]


class ReleaseRequests(Model):
    """Requests that one release answered; every slot is present, an empty one has nulls."""

    release: str
    points: tuple[RequestPoint, ...]


class ReleaseComparison(Model):
    """Releases beside each other, over the same slots."""

    step_s: int
    releases: tuple[ReleaseRequests, ...]


class HostPoint(Model):
    t: datetime
    cpu_ratio: Ratio | None
    memory_bytes: float | None
    memory_limit_bytes: float | None
    disk_read_bytes_per_s: float | None
    disk_write_bytes_per_s: float | None
    network_receive_bytes_per_s: float | None
    network_transmit_bytes_per_s: float | None
    filesystem_bytes: float | None
    filesystem_limit_bytes: float | None


class HostSeries(Model):
    points: tuple[HostPoint, ...]


class ProcessPoint(Model):
    t: datetime
    cpu_ratio: Ratio | None
    memory_bytes: float | None


class ProcessSeries(Model):
    """One process of the platform with all its children; 1.0 of `cpu_ratio` is all processors.

    The values outside `points` are the newest known ones. Disk rates are null for processes of
    another user than the collector's.
    """

    process: str
    service: str
    cpu_ratio: Ratio | None
    memory_bytes: float | None
    disk_read_bytes_per_s: float | None
    disk_write_bytes_per_s: float | None
    points: tuple[ProcessPoint, ...]


class ResourceSeries(Model):
    step_s: int
    host: HostSeries
    processes: tuple[ProcessSeries, ...]


class RouteRequests(Model):
    service: str
    route: str
    method: str
    requests: int
    requests_per_s: float
    error_ratio: Ratio
    p95_ms: float


class RouteList(Model):
    items: tuple[RouteRequests, ...]


class LogEntry(Model):
    """`id` is the same each time the entry is read, and unique within a list."""

    id: str
    timestamp: datetime
    severity_text: str
    severity_number: int
    service: str
    body: str
    trace_id: str | None
    span_id: str | None
    attributes: dict[str, str]
    resource: dict[str, str]


class LogPage(Model):
    items: tuple[LogEntry, ...]
    next_cursor: str | None


class LogHistogramPoint(Model):
    """Entries without a severity are counted as `info`."""

    t: datetime
    trace: int
    debug: int
    info: int
    warn: int
    error: int
    fatal: int


class LogHistogram(Model):
    step_s: int
    points: tuple[LogHistogramPoint, ...]


class TraceSummary(Model):
    """`status` is `error` when any span of the trace failed; `errors` counts those spans."""

    trace_id: str
    start: datetime
    duration_ms: float
    root_service: str
    root_name: str
    spans: int
    errors: int
    services: tuple[str, ...]
    status: TraceStatus


class TracePage(Model):
    items: tuple[TraceSummary, ...]
    next_cursor: str | None


class SpanEvent(Model):
    t: datetime
    name: str
    attributes: dict[str, str]


class SpanLink(Model):
    trace_id: str
    span_id: str
    trace_state: str
    attributes: dict[str, str]


class Span(Model):
    """`offset_ms` counts from the start of the trace."""

    span_id: str
    parent_span_id: str | None
    name: str
    kind: SpanKind
    service: str
    start: datetime
    offset_ms: float
    duration_ms: float
    status: SpanStatus
    status_message: str
    attributes: dict[str, str]
    resource: dict[str, str]
    events: tuple[SpanEvent, ...]
    links: tuple[SpanLink, ...]


class EdgeRequest(Model):
    """The request through the edge that a trace belongs to."""

    method: str
    path: str
    status: int
    duration_ms: float
    site: str
    release: str
    colour: str
    request_id: str


class TraceDetail(Model):
    """`missing_parents` are span ids that spans name as parent and that never arrived.

    The edge's own span is not one of them: it is known by `edge`. `truncated` says that `spans`
    are the earliest of `total_spans`, and that nothing is told of missing parents.
    """

    trace_id: str
    start: datetime
    duration_ms: float
    spans: tuple[Span, ...]
    total_spans: int
    truncated: bool
    missing_parents: tuple[str, ...]
    edge: EdgeRequest | None


class ServiceSeen(Model):
    service: str
    last_seen: datetime


class ServiceList(Model):
    items: tuple[ServiceSeen, ...]
