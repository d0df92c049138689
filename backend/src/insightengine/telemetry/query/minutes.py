"""Which rows a question about requests reads: whole minutes from the rollup, the rest as they are.

A range rarely begins with a minute. Its whole minutes come from `service_minutes`, or from
`request_minutes` where routes are asked for; the parts of minutes at its two ends come from
`edge_requests`, counted in the same buckets.
"""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from datetime import timedelta
from typing import Final

from insightengine.core.time import TimeRange
from insightengine.telemetry.query.filters import Where, edge_where, outside, requests_alike
from insightengine.telemetry.schema import EDGE_REQUESTS, REQUEST_MINUTES, SERVICE_MINUTES
from insightengine.telemetry.schema.views import bucket

MINUTE_NS: Final = 60_000_000_000
READ_AS_THEY_ARE: Final = timedelta(minutes=15)  # up to this, single requests are few enough
_KEYS: Final = "Service, Release, Colour"
_FIRST: Final = "fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC')"
_LAST: Final = "fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')"


def whole_minutes_ns(asked: TimeRange) -> tuple[int, int]:
    """First and end of the minutes that lie wholly within; equal when there is none."""
    first = -(-asked.start_ns // MINUTE_NS) * MINUTE_NS
    end = asked.end_ns // MINUTE_NS * MINUTE_NS
    return (first, end) if first < end else (asked.end_ns, asked.end_ns)


def request_rows(
    asked: TimeRange,
    service: str | None = None,
    route: str | None = None,
    *,
    by_route: bool = False,
) -> tuple[str, Where]:
    """A subquery of `at_ns`, keys, counts, `BytesSent` and `Durations`; and its parameters.

    Keys are service, release and colour; with `by_route` also route and method.
    """
    first_ns, end_ns = whole_minutes_ns(asked)
    kept = edge_where(asked, service, route)
    alike = requests_alike(service, route).sql
    needs_routes = by_route or route is not None
    table = REQUEST_MINUTES if needs_routes else SERVICE_MINUTES
    keys = f"{_KEYS}, Route, Method" if needs_routes else _KEYS
    sql = (
        f"SELECT toUnixTimestamp(Minute) * 1000000000 AS at_ns, {keys}, Requests, Errors, "
        f"BytesSent, Durations FROM {table} "
        f"WHERE Minute >= {_FIRST} AND Minute < {_LAST} AND {alike} UNION ALL "
        f"SELECT at_ns, {keys}, sum(requests), sum(errors), sum(bytes), "
        f"sumMap(map(bucket, requests)) FROM ("
        f"SELECT toUnixTimestamp(toStartOfMinute(Timestamp)) * 1000000000 AS at_ns, {keys}, "
        f"{bucket('DurationMs')} AS bucket, count() AS requests, "
        f"countIf(Status >= 500) AS errors, sum(BytesSent) AS bytes FROM {EDGE_REQUESTS} "
        f"WHERE {kept.sql} AND {outside(_FIRST, _LAST)} "
        f"GROUP BY at_ns, {keys}, bucket) GROUP BY at_ns, {keys}"
    )
    return sql, kept.given(first_ns=first_ns, last_ns=end_ns)
