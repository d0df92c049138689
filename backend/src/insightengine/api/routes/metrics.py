"""Metrics over time, and the hosts and processes that sent them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from insightengine.api.access import require
from insightengine.api.routes.ranges import Metrics, Range, Search, Service, StepSeconds
from insightengine.protection.access import Role
from insightengine.telemetry.metric_models import (
    Aggregate,
    HostList,
    HostProcessList,
    LabelList,
    MetricList,
    MetricResult,
)
from insightengine.telemetry.query.builder import MetricQuery
from insightengine.telemetry.query.language import parse

router = APIRouter(
    prefix="/telemetry", tags=["metrics"], dependencies=[Depends(require(Role.VIEWER))]
)
Name = Annotated[str, Query(min_length=1, max_length=255, description="Name of the metric.")]


@router.get("/metrics")
async def metrics(
    asked: Range,
    queries: Metrics,
    contains: Annotated[str | None, Query(max_length=255)] = None,
    service: Service = None,
) -> MetricList:
    """Metrics that were sent on the days of the range."""
    return await queries.names(asked, contains, service)


@router.get("/metrics/labels")
async def labels(asked: Range, queries: Metrics, name: Name) -> LabelList:
    """Labels of a metric's points and resources, with their values."""
    return await queries.labels(asked, name)


@router.get("/metrics/query")
async def query(
    asked: Range,
    queries: Metrics,
    name: Name,
    aggregate: Aggregate = Aggregate.AVG,
    rate: Annotated[bool, Query(description="What is counted, a second.")] = False,
    group_by: Annotated[tuple[str, ...], Query(description="A label; repeatable.")] = (),
    q: Search = None,
    step_s: StepSeconds = None,
) -> MetricResult:
    """A metric over time, joined over its series by `aggregate` and apart by `group_by`."""
    wanted = MetricQuery(name, aggregate, rate, group_by, parse(q or ""))
    return await queries.query(asked, wanted, step_s)


@router.get("/hosts")
async def hosts(asked: Range, queries: Metrics) -> HostList:
    """Hosts that sent metrics, with their newest figures."""
    return await queries.hosts(asked)


@router.get("/processes")
async def processes(
    asked: Range,
    queries: Metrics,
    host: Annotated[str | None, Query(max_length=255)] = None,
) -> HostProcessList:
    """Processes of the hosts, with their newest figures."""
    return await queries.processes(asked, host)
