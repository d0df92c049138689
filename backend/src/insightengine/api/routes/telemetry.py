"""Logs and traces, as lists with filters and one by one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import Field

from insightengine.api.access import require
from insightengine.api.routes.ranges import Cursor, Limit, Queries, Range, Service, StepSeconds
from insightengine.protection.access import Role
from insightengine.telemetry.models import (
    LogHistogram,
    LogPage,
    LogSeverity,
    Scope,
    ServiceList,
    SortOrder,
    TraceDetail,
    TracePage,
)
from insightengine.telemetry.query import LogFilter, TraceFilter, log_filter

router = APIRouter(
    prefix="/telemetry", tags=["telemetry"], dependencies=[Depends(require(Role.VIEWER))]
)


ScopeOf = Annotated[
    Scope, Query(description="`application` leaves out what the platform does for itself.")
]


def asked_logs(
    service: Service = None,
    severity_min: Annotated[
        Annotated[int, Field(ge=1, le=24)] | LogSeverity | None,
        Query(description="Lowest severity, as its OpenTelemetry number or name."),
    ] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=1024,
            description="Words that the body must hold, in any case and order; a phrase in quotes.",
        ),
    ] = None,
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


@router.get("/logs")
async def logs(
    asked: Range,
    wanted: Logs,
    queries: Queries,
    cursor: Cursor = None,
    limit: Limit = 100,
    order: SortOrder = SortOrder.DESCENDING,
) -> LogPage:
    """Log entries, newest first unless asked otherwise."""
    return await queries.logs(asked, wanted, cursor=cursor, limit=limit, order=order)


@router.get("/logs/histogram")
async def logs_histogram(
    asked: Range, wanted: Logs, queries: Queries, step_s: StepSeconds = None
) -> LogHistogram:
    """How many log entries of each severity there were."""
    return await queries.log_histogram(asked, wanted, step_s=step_s)


@router.get("/traces")
async def traces(
    asked: Range,
    queries: Queries,
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
    errors_only: bool = False,
    scope: ScopeOf = Scope.ALL,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> TracePage:
    """Traces that began within the range, newest first."""
    wanted = TraceFilter(service, route, min_duration_ms, errors_only, scope)
    return await queries.traces(asked, wanted, cursor=cursor, limit=limit)


@router.get("/traces/{trace_id}")
async def trace(trace_id: Annotated[str, Path(max_length=64)], queries: Queries) -> TraceDetail:
    """Every span of a trace, and the request through the edge that it belongs to."""
    return await queries.trace(trace_id)


@router.get("/services")
async def services(queries: Queries) -> ServiceList:
    """Services that sent logs or spans within the last 24 hours."""
    return await queries.services()
