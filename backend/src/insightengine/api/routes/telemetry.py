"""Logs and traces, as lists with filters and one by one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from insightengine.api.access import require
from insightengine.api.routes.filters import Logs, Traces
from insightengine.api.routes.ranges import (
    Cursor,
    Limit,
    Queries,
    Range,
    Searches,
    StepSeconds,
)
from insightengine.protection.access import Role
from insightengine.telemetry.models import (
    LogHistogram,
    LogPage,
    ServiceList,
    SortOrder,
    TraceDetail,
    TracePage,
)
from insightengine.telemetry.search_models import FacetList, FlameGraph

router = APIRouter(
    prefix="/telemetry", tags=["telemetry"], dependencies=[Depends(require(Role.VIEWER))]
)


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
    wanted: Traces,
    queries: Queries,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> TracePage:
    """Traces that began within the range, newest first; `q` is searched for in their spans."""
    return await queries.traces(asked, wanted, cursor=cursor, limit=limit)


@router.get("/traces/facets")
async def trace_facets(asked: Range, wanted: Traces, searches: Searches) -> FacetList:
    """Values that spans have, and how many traces have each: of all, or of the newest 1,000."""
    return await searches.trace_facets(asked, wanted)


@router.get("/traces/flamegraph")
async def flame_graph(
    asked: Range,
    wanted: Traces,
    searches: Searches,
    trace_id: Annotated[str | None, Query(max_length=64)] = None,
) -> FlameGraph:
    """Spans added up by their names from the root: of one trace, or of the newest 100 that fit."""
    return await searches.flame_graph(asked, wanted, trace_id)


@router.get("/traces/{trace_id}")
async def trace(trace_id: Annotated[str, Path(max_length=64)], queries: Queries) -> TraceDetail:
    """Every span of a trace, and the request through the edge that it belongs to."""
    return await queries.trace(trace_id)


@router.get("/services")
async def services(queries: Queries) -> ServiceList:
    """Services that sent logs or spans within the last 24 hours."""
    return await queries.services()
