"""Traces page by page, and the services that sent anything."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from insightengine.core.time import TimeRange, from_ns
from insightengine.telemetry.models import (
    Scope,
    ServiceList,
    ServiceSeen,
    TracePage,
    TraceStatus,
    TraceSummary,
)
from insightengine.telemetry.query.cursors import TraceCursor, encode
from insightengine.telemetry.query.filters import (
    AT,
    TraceFilter,
    Where,
    from_five_minutes,
    in_range,
    span_where,
    to_five_minutes,
    traced_edge_where,
)
from insightengine.telemetry.query.statement import Row, Statement, items, statement, whole
from insightengine.telemetry.schema import (
    EDGE_REQUESTS,
    LOG_MINUTES,
    OPERATION_MINUTES,
    SPANS,
    TRACES,
)

LONGEST_TRACE: Final = timedelta(hours=1)  # longer ones are listed with what lies within
SERVICES_SEEN_WITHIN: Final = timedelta(hours=24)
_FIRST_WINDOW: Final = timedelta(minutes=15)
_MOST_SERVICES: Final = 500
_BOUNDS: Final = ("first_ns", "last_ns")
_AT: Final = "fromUnixTimestamp64Nano({at_ns:Int64}, 'UTC')"
_BEGIN: Final = "fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')"
_LATEST: Final = "fromUnixTimestamp64Nano({latest_ns:Int64}, 'UTC')"
_WIDE: Final = (
    f"{AT} >= {_BEGIN} AND {AT} < {_LATEST} "
    f"AND {from_five_minutes(_BEGIN)} AND {to_five_minutes(_LATEST)}"
)


def windows(asked: TimeRange, cursor: TraceCursor | None) -> Iterator[TimeRange]:
    """The range from its end, each part four times as long as the one after it.

    The newest traces are mostly within the first part; to read all parts costs little more than to
    read the range at once.
    """
    end = asked.end
    if cursor is not None:
        end = min(end, from_ns(cursor.at_ns) + timedelta(microseconds=1))
    length = _FIRST_WINDOW
    while end > asked.start:
        start = max(asked.start, end - length)
        yield TimeRange(start, end)
        end, length = start, 4 * length


def page_statement(
    window: TimeRange, wanted: TraceFilter, cursor: TraceCursor | None, limit: int
) -> Statement:
    """Traces that began within the window, newest first.

    A trace belongs to the window that its first span lies in; spans of it that came in other
    inserts are other rows, so its start is known only after they are joined.
    """
    chosen = _chosen(wanted)
    joined = _joined(window, wanted, cursor)
    return statement(
        "SELECT TraceId, toUnixTimestamp64Nano(begin) AS begin_ns, "
        "toUnixTimestamp64Nano(finish) AS finish_ns, root.3 AS root_service, root.4 AS root_name, "
        "services, spans, errors FROM (SELECT TraceId, min(Start) AS begin, max(End) AS finish, "
        "min(Root) AS root, arraySort(groupUniqArrayArray(Services)) AS services, "
        f"sum(Spans) AS spans, sum(Errors) AS errors, max(IsOwn) AS is_own FROM {TRACES} WHERE "
        "Slot >= toStartOfFiveMinutes(fromUnixTimestamp64Nano({earliest_ns:Int64}, 'UTC')) "
        "AND Slot < fromUnixTimestamp64Nano({latest_ns:Int64}, 'UTC')"
        f"{''.join(f' AND {condition}' for condition in chosen.conditions)} GROUP BY TraceId) "
        f"WHERE {joined.sql} ORDER BY begin DESC, TraceId DESC LIMIT {{row_limit:UInt32}}",
        joined.given(**chosen.parameters),
        earliest_ns=window.start_ns - _nanoseconds(LONGEST_TRACE),
        latest_ns=window.end_ns + _nanoseconds(LONGEST_TRACE),
        row_limit=limit,
    )


def _joined(window: TimeRange, wanted: TraceFilter, cursor: TraceCursor | None) -> Where:
    """Conditions on a whole trace."""
    where = in_range(window, "begin")
    if cursor is not None:
        where = where.and_(
            f"(begin, TraceId) < ({_AT}, {{trace_id:String}})",
            at_ns=cursor.at_ns,
            trace_id=cursor.trace_id,
        )
    if wanted.min_duration_ms is not None:
        where = where.and_(
            "toUnixTimestamp64Nano(finish) - toUnixTimestamp64Nano(begin) "
            ">= {min_duration_ns:Int64}",
            min_duration_ns=round(wanted.min_duration_ms * 1e6),
        )
    if wanted.service and not wanted.route:
        where = where.and_("has(services, {service:String})", service=wanted.service)
    if wanted.errors_only:
        where = where.and_("errors > 0")
    if wanted.scope is Scope.APPLICATION:
        where = where.and_("NOT is_own")
    return where


def _chosen(wanted: TraceFilter) -> Where:
    """Conditions on the id of a trace: some span of it, or its request at the edge, fits."""
    spans, edge = span_where(wanted), traced_edge_where(wanted)
    matches = [
        f"TraceId IN (SELECT TraceId FROM {table} WHERE {_WIDE} AND {part.sql})"
        for table, part in ((SPANS, spans), (EDGE_REQUESTS, edge))
        if part is not None
    ]
    where = Where()
    if spans is not None:
        where = where.and_(f"({' OR '.join(matches)})", **spans.parameters)
    if wanted.status_min is not None:
        where = where.and_(
            f"TraceId IN (SELECT TraceId FROM {EDGE_REQUESTS} WHERE {_WIDE} "
            "AND Status >= {status_min:UInt16})",
            status_min=wanted.status_min,
        )
    return where


def of_traces(found: Sequence[Row]) -> Where:
    """Every span of traces; `found` are rows of pages, not none."""
    first, last = (f"fromUnixTimestamp64Nano({{{name}:Int64}}, 'UTC')" for name in _BOUNDS)
    return Where(
        (
            f"{AT} >= {first}",
            f"{AT} <= {last}",
            from_five_minutes(first),
            to_five_minutes(last),
            "TraceId IN {trace_ids:Array(String)}",
        ),
        {
            "first_ns": min(whole(row["begin_ns"]) for row in found),
            "last_ns": max(whole(row["finish_ns"]) for row in found),
            "trace_ids": [str(row["TraceId"]) for row in found],
        },
    )


def page(asked: TimeRange, limit: int, found: Sequence[Row]) -> TracePage:
    shown = found[:limit]
    following = None
    if len(found) > limit:
        last = shown[-1]
        following = encode(
            TraceCursor(asked.start_ns, asked.end_ns, whole(last["begin_ns"]), str(last["TraceId"]))
        )
    return TracePage(items=tuple(map(_summary, shown)), next_cursor=following)


def services_statement(now_range: TimeRange) -> Statement:
    """To the minute: that is how the rollups know it."""
    where = in_range(now_range, "Minute")
    seen = " UNION ALL ".join(
        f"SELECT ServiceName, max(Minute) AS seen FROM {table} WHERE {where.sql} "
        "GROUP BY ServiceName"
        for table in (LOG_MINUTES, OPERATION_MINUTES)
    )
    return statement(
        "SELECT ServiceName, toUnixTimestamp(max(seen)) * 1000000000 AS seen_ns "
        f"FROM ({seen}) GROUP BY ServiceName ORDER BY ServiceName LIMIT {_MOST_SERVICES}",
        where,
    )


def services(rows: Sequence[Row]) -> ServiceList:
    return ServiceList(
        items=tuple(
            ServiceSeen(service=str(row["ServiceName"]), last_seen=from_ns(whole(row["seen_ns"])))
            for row in rows
        )
    )


def _summary(row: Row) -> TraceSummary:
    begin_ns, errors = whole(row["begin_ns"]), whole(row["errors"])
    return TraceSummary(
        trace_id=str(row["TraceId"]),
        start=from_ns(begin_ns),
        duration_ms=(whole(row["finish_ns"]) - begin_ns) / 1e6,
        root_service=str(row["root_service"]),
        root_name=str(row["root_name"]),
        spans=whole(row["spans"]),
        errors=errors,
        services=tuple(str(service) for service in items(row["services"])),
        status=TraceStatus.ERROR if errors else TraceStatus.OK,
    )


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000
