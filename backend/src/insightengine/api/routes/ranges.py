"""Query parameters that monitoring and telemetry share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query
from pydantic import AwareDatetime

from insightengine.api.dependencies import metric_queries, search_queries, telemetry_queries
from insightengine.core.time import TimeRange
from insightengine.telemetry.query import (
    MetricQueries,
    SearchQueries,
    TelemetryQueries,
    resolve_range,
)


def asked_range(
    from_: Annotated[
        AwareDatetime | None,
        Query(alias="from", description="Start; 15 minutes before the end when absent."),
    ] = None,
    to: Annotated[
        AwareDatetime | None, Query(description="End, itself not included; now when absent.")
    ] = None,
) -> TimeRange:
    return resolve_range(from_, to, datetime.now(UTC))


Range = Annotated[TimeRange, Depends(asked_range)]
Queries = Annotated[TelemetryQueries, Depends(telemetry_queries)]
Searches = Annotated[SearchQueries, Depends(search_queries)]
Metrics = Annotated[MetricQueries, Depends(metric_queries)]
Service = Annotated[str | None, Query(min_length=1, max_length=255)]
StepSeconds = Annotated[
    int | None,
    Query(ge=1, le=86400, description="Seconds a slot; chosen to fit the range when absent."),
]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items to return.")]
Cursor = Annotated[
    str | None,
    Query(max_length=512, description="`next_cursor` of the page before; keeps that page's range."),
]
Search = Annotated[
    str | None,
    Query(
        max_length=2048,
        description="In the language of docs/reference/search.md: "
        '`level:error service:web status:>=500 "card declined" -path:/health`.',
    ),
]
