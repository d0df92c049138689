"""What routes ask FastAPI for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from insightengine.telemetry.query import MetricQueries, SearchQueries, TelemetryQueries
from insightengine.wiring.console import Services


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


def telemetry_queries(request: Request) -> TelemetryQueries:
    return services(request).queries


def search_queries(request: Request) -> SearchQueries:
    return services(request).searches


def metric_queries(request: Request) -> MetricQueries:
    return services(request).metrics


Used = Annotated[Services, Depends(services)]
