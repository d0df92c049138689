"""Query parameters that narrow logs and traces."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from insightengine.api.routes.ranges import Search, Service
from insightengine.telemetry.models import LogSeverity, Scope
from insightengine.telemetry.query import LogFilter, TraceFilter, log_filter, trace_filter

ScopeOf = Annotated[
    Scope, Query(description="`application` leaves out what the platform does for itself.")
]


def asked_logs(
    service: Service = None,
    severity_min: Annotated[
        Annotated[int, Field(ge=1, le=24)] | LogSeverity | None,
        Query(description="Lowest severity, as its OpenTelemetry number or name."),
    ] = None,
    q: Search = None,
    trace_id: Annotated[str | None, Query(max_length=64)] = None,
    attribute: Annotated[
        tuple[str, ...], Query(description="`key=value` of the entry or its resource; repeatable.")
    ] = (),
    scope: ScopeOf = Scope.ALL,
) -> LogFilter:
    return log_filter(
        service=service,
        severity_min=severity_min,
        q=q,
        trace_id=trace_id,
        attributes=attribute,
        scope=scope,
    )


Logs = Annotated[LogFilter, Depends(asked_logs)]


def asked_traces(
    service: Service = None,
    route: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=1024,
            description="Span name, `http.route`, `url.path`, or a route as the edge names it.",
        ),
    ] = None,
    min_duration_ms: Annotated[float | None, Query(ge=0, le=86_400_000)] = None,
    errors_only: Annotated[
        bool, Query(description="Only traces of which a span failed, however it was answered.")
    ] = False,
    status_min: Annotated[
        int | None,
        Query(ge=100, le=599, description="Least status that the edge answered the request with."),
    ] = None,
    q: Search = None,
    scope: ScopeOf = Scope.ALL,
) -> TraceFilter:
    return trace_filter(
        service=service,
        route=route,
        min_duration_ms=min_duration_ms,
        errors_only=errors_only,
        status_min=status_min,
        q=q,
        scope=scope,
    )


Traces = Annotated[TraceFilter, Depends(asked_traces)]
