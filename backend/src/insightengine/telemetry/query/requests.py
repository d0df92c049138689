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
from insightengine.telemetry.query.durations import percentiles_ms
from insightengine.telemetry.query.filters import edge_where
from insightengine.telemetry.query.minutes import MINUTE_NS, READ_AS_THEY_ARE, request_rows
from insightengine.telemetry.query.ranges import Grid, Slot, before, seconds_of
from insightengine.telemetry.query.statement import (
    Row,
    Statement,
    items,
    known,
    ratio,
    statement,
    whole,
)
from insightengine.telemetry.schema import EDGE_REQUESTS

_MOST_ROWS: Final = 500
_COUNTS: Final = (
    "count() AS requests, countIf(Status >= 500) AS errors, sum(BytesSent) AS sent_bytes"
)
# t-digest: bounded memory over any range, and closest where it matters, at the high percentiles.
_PERCENTILES: Final = "quantilesTDigest(0.5, 0.95, 0.99)(DurationMs) AS percentiles"
_SUMS: Final = (
    "sum(Requests) AS requests, sum(Errors) AS errors, sum(BytesSent) AS sent_bytes, "
    "mapKeys(sumMap(Durations)) AS buckets, mapValues(sumMap(Durations)) AS counts"
)


def totals_statement(asked: TimeRange, service: str | None = None) -> Statement:
    """One row."""
    return _grouped(asked, "", service)


def services_statement(asked: TimeRange) -> Statement:
    return _grouped(asked, "Service, Colour, Release")


def routes_statement(asked: TimeRange, service: str | None) -> Statement:
    return _grouped(asked, "Service, Route, Method", service)


def series_statement(grid: Grid, service: str | None, route: str | None) -> Statement:
    step = "{step_ns:Int64}"
    if grid.step_ns % MINUTE_NS:
        where = edge_where(grid.range, service, route)
        return statement(
            f"SELECT intDiv(toUnixTimestamp64Nano(Timestamp), {step}) * {step} AS slot_ns, "
            f"{_COUNTS}, {_PERCENTILES} FROM {EDGE_REQUESTS} WHERE {where.sql} GROUP BY slot_ns",
            where,
            step_ns=grid.step_ns,
        )
    rows, where = request_rows(grid.range, service, route)
    return statement(
        f"SELECT intDiv(at_ns, {step}) * {step} AS slot_ns, {_SUMS} FROM ({rows}) GROUP BY slot_ns",
        where,
        step_ns=grid.step_ns,
    )


def _grouped(asked: TimeRange, keys: str, service: str | None = None) -> Statement:
    """The most requested first. A short range is read as it is, a long one from whole minutes."""
    order = (
        f"GROUP BY {keys} ORDER BY requests DESC, {keys} LIMIT {_MOST_ROWS}"
        if keys
        else "HAVING requests > 0"
    )
    columns = f"{keys}, " if keys else ""
    if asked.duration <= READ_AS_THEY_ARE:
        where = edge_where(asked, service)
        return statement(
            f"SELECT {columns}{_COUNTS}, {_PERCENTILES} FROM {EDGE_REQUESTS} "
            f"WHERE {where.sql} {order}",
            where,
        )
    rows, where = request_rows(asked, service, by_route="Route" in keys)
    return statement(f"SELECT {columns}{_SUMS} FROM ({rows}) {order}", where)


def overview(
    asked: TimeRange, now: Sequence[Row], earlier: Sequence[Row], services: Sequence[Row]
) -> Overview:
    """`now` and `earlier` are the totals of the range and of the one before it."""
    return Overview(
        **dict(_totals(asked, next(iter(now), None))),
        previous=_totals(before(asked), next(iter(earlier), None)),
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
        p95_ms=_percentiles(row)["p95_ms"],
        sent_bytes_per_s=whole(row["sent_bytes"]) / seconds,
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
        p95_ms=_percentiles(row)["p95_ms"] or 0.0,
    )


def _counts(row: Row | None) -> tuple[int, int]:
    return (whole(row["requests"]), whole(row["errors"])) if row else (0, 0)


def _percentiles(row: Row | None) -> Mapping[str, float | None]:
    found: Sequence[float | None] = (None, None, None)
    if row and "buckets" in row:
        found = percentiles_ms(zip(items(row["buckets"]), items(row["counts"]), strict=True))
    elif row:
        found = [known(value) for value in items(row["percentiles"])]
    return dict(zip(("p50_ms", "p95_ms", "p99_ms"), found, strict=True))
