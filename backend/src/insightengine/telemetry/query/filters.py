"""What a list is narrowed to, and the SQL conditions that say so.

A value of a user stands only in the parameters, never in the SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from insightengine.core.errors import InvalidInputError
from insightengine.core.time import TimeRange
from insightengine.telemetry.models import LogSeverity, Scope
from insightengine.telemetry.query.language import Expression, parse
from insightengine.telemetry.query.language.sql import condition as search_condition
from insightengine.telemetry.query.language.sql import is_value
from insightengine.telemetry.query.language.vocabulary import LOG_WORDS, SPAN_WORDS
from insightengine.telemetry.schema import OWN_SITES

# First severity number of each of OpenTelemetry's ranges of four.
SEVERITY_NUMBERS: Final = {name: 1 + 4 * index for index, name in enumerate(LogSeverity)}
UNSPECIFIED_IS: Final = SEVERITY_NUMBERS[LogSeverity.INFO]
SEVERITY_SQL: Final = f"if(SeverityNumber = 0, {UNSPECIFIED_IS}, SeverityNumber)"
# The time of a log entry or span, to compare with. Their tables are ordered by five minutes and by
# other things after that: with the plain column, ClickHouse asks every granule of a day whether it
# fits. That takes longer than the rest of a question, and excludes nothing that was left.
AT: Final = "identity(Timestamp)"
_OWN_SITES: Final = ", ".join(f"'{site}'" for site in OWN_SITES)
_MOST_ATTRIBUTES: Final = 16
_TRACE_ID: Final = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions that all have to hold, and the values of their parameters."""

    conditions: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)

    def and_(self, condition: str, **parameters: object) -> Where:
        return Where((*self.conditions, condition), {**self.parameters, **parameters})

    def given(self, **parameters: object) -> Where:
        """The same conditions with parameters for other parts of the query."""
        return Where(self.conditions, {**self.parameters, **parameters})

    @property
    def sql(self) -> str:
        return " AND ".join(self.conditions)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """`attributes` of the entry or its resource."""

    service: str | None = None
    severity_min: int | None = None
    search: Expression | None = None
    trace_id: str | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    scope: Scope = Scope.ALL


@dataclass(frozen=True, slots=True)
class TraceFilter:
    """Traces with a span that fits `route` and `search`, and whose services include `service`.

    With a route, the span of that route is the service's. `route` is a span name with or without
    its method, an `http.route`, a `url.path`, or a route as the edge names it. `status_min` is the
    least status that the edge answered with.
    """

    service: str | None = None
    route: str | None = None
    status_min: int | None = None
    min_duration_ms: float | None = None
    errors_only: bool = False
    scope: Scope = Scope.ALL
    search: Expression | None = None


def log_filter(
    *,
    service: str | None = None,
    severity_min: int | LogSeverity | None = None,
    q: str | None = None,
    trace_id: str | None = None,
    attributes: tuple[str, ...] = (),
    scope: Scope = Scope.ALL,
) -> LogFilter:
    """The filter that the words of a user mean. Raises InvalidInputError."""
    if len(attributes) > _MOST_ATTRIBUTES:
        raise InvalidInputError(f"at most {_MOST_ATTRIBUTES} attributes can be asked for at once")
    return LogFilter(
        service=service or None,
        severity_min=_severity_number(severity_min),
        search=parse(q or ""),
        trace_id=normal_trace_id(trace_id) if trace_id else None,
        attributes=tuple(_attribute(text) for text in attributes),
        scope=scope,
    )


def trace_filter(
    *,
    service: str | None = None,
    route: str | None = None,
    min_duration_ms: float | None = None,
    errors_only: bool = False,
    status_min: int | None = None,
    q: str | None = None,
    scope: Scope = Scope.ALL,
) -> TraceFilter:
    """Raises InvalidInputError."""
    return TraceFilter(
        service=service,
        route=route,
        status_min=status_min,
        min_duration_ms=min_duration_ms,
        errors_only=errors_only,
        scope=scope,
        search=parse(q or ""),
    )


def normal_trace_id(text: str) -> str:
    """Lower hex. Raises InvalidInputError when it is no trace id."""
    if not _TRACE_ID.fullmatch(text):
        raise InvalidInputError(
            f"{text[:64]!r} is not a trace id",
            code="invalid_trace_id",
            hint="a trace id has 32 hexadecimal digits",
        )
    return text.lower()


def in_range(asked: TimeRange, column: str = "Timestamp") -> Where:
    start = "fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')"
    end = "fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')"
    conditions: tuple[str, ...] = (f"{column} >= {start}", f"{column} < {end}")
    if column in ("Timestamp", AT):
        conditions += (from_five_minutes(start), to_five_minutes(end))
    return Where(conditions, {"start_ns": asked.start_ns, "end_ns": asked.end_ns})


def from_five_minutes(start: str) -> str:
    """Tables are ordered by five minutes first, which ClickHouse does not conclude from a time."""
    return f"toStartOfFiveMinutes(Timestamp) >= toStartOfFiveMinutes({start})"


def to_five_minutes(end: str) -> str:
    return f"toStartOfFiveMinutes(Timestamp) <= toStartOfFiveMinutes({end})"


def outside(first: str, last: str, column: str = "Timestamp") -> str:
    """Before `first` or from `last` on: the ends of a range whose middle comes from a rollup."""
    return (
        f"(({column} < {first} AND {to_five_minutes(first)}) "
        f"OR ({column} >= {last} AND {from_five_minutes(last)}))"
    )


def logs_where(asked: TimeRange, wanted: LogFilter) -> Where:
    where = in_range(asked, AT)
    if wanted.service is not None:
        where = where.and_("ServiceName = {service:String}", service=wanted.service)
    if wanted.severity_min is not None:
        where = where.and_(
            f"{SEVERITY_SQL} >= {{severity_min:UInt8}}", severity_min=wanted.severity_min
        )
    if wanted.trace_id is not None:
        where = where.and_("TraceId = {trace_id:String}", trace_id=wanted.trace_id)
    if wanted.scope is Scope.APPLICATION:
        where = where.and_("NOT IsOwn")
    if wanted.search is not None:
        condition, parameters = search_condition(wanted.search, LOG_WORDS)
        where = where.and_(condition, **parameters)
    for index, (key, value) in enumerate(wanted.attributes):
        where = where.and_(
            f"({_has('LogAttributes', index)} OR {_has('ResourceAttributes', index)})",
            **{f"key_{index}": key, f"value_{index}": value},
        )
    return where


def counted_where(wanted: LogFilter) -> Where:
    """The same for entries that are counted by minute; without words, ids and attributes."""
    where = Where(("1",))
    if wanted.service is not None:
        where = where.and_("ServiceName = {service:String}", service=wanted.service)
    if wanted.severity_min is not None:
        where = where.and_(
            f"{SEVERITY_SQL} >= {{severity_min:UInt8}}", severity_min=wanted.severity_min
        )
    return where.and_("NOT IsOwn") if wanted.scope is Scope.APPLICATION else where


def edge_where(asked: TimeRange, service: str | None = None, route: str | None = None) -> Where:
    """Requests to the application; those to the platform itself only when it is asked for."""
    where, alike = in_range(asked), requests_alike(service, route)
    return Where((*where.conditions, *alike.conditions), {**where.parameters, **alike.parameters})


def requests_alike(service: str | None, route: str | None) -> Where:
    """The same without the time, which single requests and counted ones have differently."""
    where = Where()
    if service is None:
        where = where.and_(f"Site NOT IN ({_OWN_SITES})")
    else:
        where = where.and_("Service = {service:String}", service=service)
    return where if route is None else where.and_("Route = {route:String}", route=route)


def span_where(wanted: TraceFilter) -> Where | None:
    """What a span of the trace must be, without its time; None when any trace fits."""
    where = Where()
    if wanted.route:
        where = where.and_(
            "(SpanName = {route:String} OR endsWith(SpanName, concat(' ', {route:String}))"
            " OR SpanAttributes['http.route'] = {route:String}"
            " OR SpanAttributes['url.path'] = {route:String})",
            route=wanted.route,
        )
        if wanted.service:
            where = where.and_("ServiceName = {service:String}", service=wanted.service)
    if wanted.search is not None:
        condition, parameters = search_condition(wanted.search, SPAN_WORDS)
        where = where.and_(condition, **parameters)
    return where if where.conditions else None


def traced_edge_where(wanted: TraceFilter) -> Where | None:
    """What a request through the edge must be for its trace to fit: the edge names routes too."""
    if not wanted.route or wanted.search is not None:
        return None
    where = Where(("Route = {route:String}",), {"route": wanted.route})
    if wanted.service:
        where = where.and_("Service = {service:String}", service=wanted.service)
    return where


def _has(column: str, index: int) -> str:
    key = f"{{key_{index}:String}}"
    return (
        f"(mapContains({column}, {key}) AND {is_value(column, key, f'{{value_{index}:String}}')})"
    )


def _severity_number(given: int | LogSeverity | None) -> int | None:
    return SEVERITY_NUMBERS[given] if isinstance(given, LogSeverity) else given


def _attribute(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise InvalidInputError(
            f"attribute {text[:64]!r} is not of the form key=value",
            code="invalid_attribute",
            hint="attribute=http.route=/products/{id}",
        )
    return key, value
