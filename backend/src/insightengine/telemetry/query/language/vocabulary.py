"""Names that a search may use, for log entries and for spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Kind(Enum):
    TEXT = auto()
    NUMBER = auto()
    SEVERITY = auto()
    DURATION_NS = auto()
    ID = auto()
    FLAG = auto()


@dataclass(frozen=True, slots=True)
class Column:
    sql: str
    kind: Kind
    description: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What is no column is an attribute of one of `maps`, under its name or what `also` adds."""

    columns: Mapping[str, Column]
    maps: tuple[str, ...]
    text: str


# Old and new names of the same thing, and short ones.
ALSO: Final[Mapping[str, tuple[str, ...]]] = {
    "status": ("status", "http.response.status_code", "http.status_code"),
    "path": ("path", "url.path", "http.target"),
    "route": ("route", "http.route"),
    "method": ("method", "http.request.method", "http.method"),
    "user": ("user.id", "enduser.id", "user"),
    "host": ("host.name", "host"),
    "release": ("service.version", "release"),
    "colour": ("insight.colour", "colour"),
    "environment": ("deployment.environment.name", "deployment.environment"),
}

_SEVERITY: Final = Column(
    "if(SeverityNumber = 0, 9, SeverityNumber)",
    Kind.SEVERITY,
    "trace, debug, info, warn, error, fatal",
)
_LOG_COLUMNS: Final = {
    "level": _SEVERITY,
    "severity": _SEVERITY,
    "service": Column("ServiceName", Kind.TEXT, "name of the service"),
    "body": Column("Body", Kind.TEXT, "the whole text of the entry"),
    "trace": Column("TraceId", Kind.ID, "trace id"),
    "trace_id": Column("TraceId", Kind.ID, "trace id"),
    "span": Column("SpanId", Kind.ID, "span id"),
    "event": Column("EventName", Kind.TEXT, "name of the event"),
    "logger": Column("ScopeName", Kind.TEXT, "instrumentation scope"),
}
_SPAN_COLUMNS: Final = {
    "service": Column("ServiceName", Kind.TEXT, "name of the service"),
    "name": Column("SpanName", Kind.TEXT, "name of the span"),
    "kind": Column("SpanKind", Kind.TEXT, "server, client, internal, producer, consumer"),
    "duration": Column("DurationNs", Kind.DURATION_NS, "such as >250ms"),
    "error": Column("StatusCode = 'error'", Kind.FLAG, "true or false"),
    "trace": Column("TraceId", Kind.ID, "trace id"),
    "trace_id": Column("TraceId", Kind.ID, "trace id"),
    "span": Column("SpanId", Kind.ID, "span id"),
    "message": Column("StatusMessage", Kind.TEXT, "message of the status"),
    "scope": Column("ScopeName", Kind.TEXT, "instrumentation scope"),
}
LOG_WORDS: Final = Vocabulary(_LOG_COLUMNS, ("LogAttributes", "ResourceAttributes"), "Body")
SPAN_WORDS: Final = Vocabulary(_SPAN_COLUMNS, ("SpanAttributes", "ResourceAttributes"), "SpanName")
