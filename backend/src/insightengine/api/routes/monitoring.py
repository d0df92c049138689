"""What the monitoring page shows: requests and resources over a time range."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from insightengine.api.access import require
from insightengine.api.routes.ranges import Queries, Range, Service, StepSeconds
from insightengine.protection.access import Role
from insightengine.telemetry.models import Overview, RequestSeries, ResourceSeries, RouteList

router = APIRouter(
    prefix="/monitoring", tags=["monitoring"], dependencies=[Depends(require(Role.VIEWER))]
)


@router.get("/overview")
async def overview(asked: Range, queries: Queries, service: Service = None) -> Overview:
    """Rate, errors and duration of requests, compared with the range before.

    `services` lists all of them, whichever was asked for.
    """
    return await queries.overview(asked, service=service)


@router.get("/requests")
async def requests(
    asked: Range,
    queries: Queries,
    step_s: StepSeconds = None,
    service: Service = None,
    route: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
) -> RequestSeries:
    """Rate, errors and duration over time. Every slot is present; an empty one has nulls."""
    return await queries.requests(asked, step_s=step_s, service=service, route=route)


@router.get("/resources")
async def resources(asked: Range, queries: Queries, step_s: StepSeconds = None) -> ResourceSeries:
    """Utilisation of the host and of every process."""
    return await queries.resources(asked, step_s=step_s)


@router.get("/routes")
async def routes(asked: Range, queries: Queries, service: Service = None) -> RouteList:
    """Routes with the most requests first."""
    return await queries.routes(asked, service=service)
