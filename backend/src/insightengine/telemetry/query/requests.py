"""Rate, errors and duration of requests, from what the edge saw."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from insightengine.core.time import TimeRange
from insightengine.telemetry.models import (
    Overview,
    RequestPoint,
    RequestSeries,
    RequestTotals,
    RouteList,
    RouteRequests,
    ServiceRequests,
)
from insightengine.telemetry.query.filters import edge_where
from insightengine.telemetry.query.ranges import Grid, Slot, before, seconds_of
from insightengine.telemetry.query.statement import (
    Row,
    Statement,
    items,
    known,
    number,
    ratio,
    statement,
    whole,
)
from insightengine.telemetry.schema import EDGE_REQUESTS

_MOST_ROWS: Final = 500
_COUNTS: Final = "count() AS requests, countIf(Status >= 500) AS errors"
# t-digest: bounded memory over any range, and closest where it matters, at the high percentiles.
_PERCENTILES: Final = "quantilesTDigest(0.5, 0.95, 0.99)(DurationMs) AS percentiles"
_P95: Final = "quantileTDigest(0.95)(DurationMs) AS p95"


def totals_statement(asked: TimeRange) -> Statement:
    """One row for the range and one for the range before, each when it has requests."""
    both = TimeRange(before(asked).start, asked.end)
    where = edge_where(both)
    return statement(
        f"SELECT Timestamp >= fromUnixTimestamp64Nano({{split_ns:Int64}}, 'UTC') AS is_current, "
        f"{_COUNTS}, {_PERCENTILES} FROM {EDGE_REQUESTS} WHERE {where.sql} GROUP BY is_current",
        where,
        split_ns=asked.start_ns,
    )


def services_statement(asked: TimeRange) -> Statement:
    where = edge_where(asked)
    return statement(
        f"SELECT Service, Colour, Release, {_COUNTS}, {_P95} FROM {EDGE_REQUESTS} "
        f"WHERE {where.sql} GROUP BY Service, Colour, Release "
        f"ORDER BY requests DESC, Service, Colour, Release LIMIT {_MOST_ROWS}",
        where,
    )


def series_statement(grid: Grid, service: str | None, route: str | None) -> Statement:
    where = edge_where(grid.range, service, route)
    return statement(
        "SELECT intDiv(toUnixTimestamp64Nano(Timestamp), {step_ns:Int64}) * {step_ns:Int64} "
        f"AS slot_ns, {_COUNTS}, {_PERCENTILES} FROM {EDGE_REQUESTS} WHERE {where.sql} "
        "GROUP BY slot_ns",
        where,
        step_ns=grid.step_ns,
    )


def routes_statement(asked: TimeRange, service: str | None) -> Statement:
    where = edge_where(asked, service)
    return statement(
        f"SELECT Service, Route, Method, {_COUNTS}, {_P95} FROM {EDGE_REQUESTS} "
        f"WHERE {where.sql} GROUP BY Service, Route, Method "
        f"ORDER BY requests DESC, Service, Route, Method LIMIT {_MOST_ROWS}",
        where,
    )


def overview(asked: TimeRange, totals: Sequence[Row], services: Sequence[Row]) -> Overview:
    by_range = {bool(row["is_current"]): row for row in totals}
    return Overview(
        **dict(_totals(asked, by_range.get(True))),
        previous=_totals(before(asked), by_range.get(False)),
        services=tuple(_service(row, seconds_of(asked)) for row in services),
    )


def series(grid: Grid, rows: Sequence[Row]) -> RequestSeries:
    by_slot = {whole(row["slot_ns"]): row for row in rows}
    points = tuple(_point(slot, by_slot.get(slot.start_ns)) for slot in grid.slots())
    return RequestSeries(step_s=grid.step_s, points=points)


def routes(asked: TimeRange, rows: Sequence[Row]) -> RouteList:
    seconds = seconds_of(asked)
    return RouteList(items=tuple(_route(row, seconds) for row in rows))


def _totals(asked: TimeRange, row: Row | None) -> RequestTotals:
    requests, errors = _counts(row)
    return RequestTotals(
        from_=asked.start,
        to=asked.end,
        requests=requests,
        requests_per_s=requests / seconds_of(asked),
        error_ratio=ratio(errors, requests),
        **_percentiles(row),
    )


def _point(slot: Slot, row: Row | None) -> RequestPoint:
    requests, errors = _counts(row)
    return RequestPoint(
        t=slot.start,
        requests=requests,
        requests_per_s=requests / slot.covered_s,
        errors=errors,
        error_ratio=ratio(errors, requests),
        **_percentiles(row),
    )


def _service(row: Row, seconds: float) -> ServiceRequests:
    requests, errors = _counts(row)
    return ServiceRequests(
        service=str(row["Service"]),
        colour=str(row["Colour"]),
        release=str(row["Release"]),
        requests=requests,
        requests_per_s=requests / seconds,
        error_ratio=ratio(errors, requests),
        p95_ms=known(row["p95"]),
    )


def _route(row: Row, seconds: float) -> RouteRequests:
    requests, errors = _counts(row)
    return RouteRequests(
        service=str(row["Service"]),
        route=str(row["Route"]),
        method=str(row["Method"]),
        requests=requests,
        requests_per_s=requests / seconds,
        error_ratio=errors / requests,
        p95_ms=number(row["p95"]),
    )


def _counts(row: Row | None) -> tuple[int, int]:
    return (whole(row["requests"]), whole(row["errors"])) if row else (0, 0)


def _percentiles(row: Row | None) -> Mapping[str, float | None]:
    found = [known(value) for value in items(row["percentiles"])] if row else [None] * 3
    return dict(zip(("p50_ms", "p95_ms", "p99_ms"), found, strict=True))
