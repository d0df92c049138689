"""Which rows a question about requests reads: whole minutes from the rollup, the rest as they are.

A range rarely begins with a minute. Its whole minutes come from `request_minutes`; the parts of
minutes at its two ends come from `edge_requests`, counted in the same buckets.
"""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from datetime import timedelta
from typing import Final

from insightengine.core.time import TimeRange
from insightengine.telemetry.query.filters import Where, edge_where, outside, requests_alike
from insightengine.telemetry.schema import EDGE_REQUESTS, REQUEST_MINUTES
from insightengine.telemetry.schema.views import bucket

MINUTE_NS: Final = 60_000_000_000
READ_AS_THEY_ARE: Final = timedelta(hours=1)  # up to this, single requests are read fast enough
_KEYS: Final = "Service, Route, Method, Release, Colour"
_FIRST: Final = "fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC')"
_LAST: Final = "fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')"


def whole_minutes_ns(asked: TimeRange) -> tuple[int, int]:
    """First and end of the minutes that lie wholly within; equal when there is none."""
    first = -(-asked.start_ns // MINUTE_NS) * MINUTE_NS
    end = asked.end_ns // MINUTE_NS * MINUTE_NS
    return (first, end) if first < end else (asked.end_ns, asked.end_ns)


def request_rows(
    asked: TimeRange, service: str | None = None, route: str | None = None
) -> tuple[str, Where]:
    """A subquery of `at_ns`, keys, counts, `BytesSent` and `Durations`; and its parameters."""
    first_ns, end_ns = whole_minutes_ns(asked)
    kept = edge_where(asked, service, route)
    alike = requests_alike(service, route).sql
    sql = (
        f"SELECT toUnixTimestamp(Minute) * 1000000000 AS at_ns, {_KEYS}, Requests, Errors, "
        f"BytesSent, Durations FROM {REQUEST_MINUTES} "
        f"WHERE Minute >= {_FIRST} AND Minute < {_LAST} AND {alike} UNION ALL "
        f"SELECT at_ns, {_KEYS}, sum(requests), sum(errors), sum(bytes), "
        f"sumMap(map(bucket, requests)) FROM ("
        f"SELECT toUnixTimestamp(toStartOfMinute(Timestamp)) * 1000000000 AS at_ns, {_KEYS}, "
        f"{bucket('DurationMs')} AS bucket, count() AS requests, "
        f"countIf(Status >= 500) AS errors, sum(BytesSent) AS bytes FROM {EDGE_REQUESTS} "
        f"WHERE {kept.sql} AND {outside(_FIRST, _LAST)} "
        f"GROUP BY at_ns, {_KEYS}, bucket) GROUP BY at_ns, {_KEYS}"
    )
    return sql, kept.given(first_ns=first_ns, last_ns=end_ns)
