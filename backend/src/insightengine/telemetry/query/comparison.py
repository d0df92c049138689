"""Requests of a few releases beside each other, over the same slots of time."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence

from insightengine.telemetry.models import ReleaseComparison, ReleaseRequests
from insightengine.telemetry.query.filters import edge_where
from insightengine.telemetry.query.ranges import Grid
from insightengine.telemetry.query.requests import series
from insightengine.telemetry.query.statement import Row, Statement, statement
from insightengine.telemetry.schema import EDGE_REQUESTS


def comparison_statement(grid: Grid, releases: Sequence[str]) -> Statement:
    """A row a slot and release that had any request in it."""
    where = edge_where(grid.range).and_(
        "has({releases:Array(String)}, Release)", releases=list(releases)
    )
    slot = "intDiv(toUnixTimestamp64Nano(Timestamp), {step_ns:Int64}) * {step_ns:Int64}"
    return statement(
        f"SELECT Release, {slot} AS slot_ns, count() AS requests, "
        "countIf(Status >= 500) AS errors, sum(BytesSent) AS sent_bytes, "
        "quantilesTDigest(0.5, 0.95, 0.99)(DurationMs) AS percentiles "
        f"FROM {EDGE_REQUESTS} WHERE {where.sql} GROUP BY Release, slot_ns",
        where,
        step_ns=grid.step_ns,
    )


def comparison(grid: Grid, releases: Sequence[str], rows: Sequence[Row]) -> ReleaseComparison:
    """Every release and every slot is present, whatever the store had of them."""
    return ReleaseComparison(
        step_s=grid.step_s,
        releases=tuple(
            ReleaseRequests(
                release=release,
                points=series(grid, [row for row in rows if row["Release"] == release]).points,
            )
            for release in releases
        ),
    )
