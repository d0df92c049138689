"""Traces page by page, and the services that sent anything."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence
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
    TraceFilter,
    Where,
    in_range,
    span_where,
    traced_edge_where,
)
from insightengine.telemetry.query.statement import Row, Statement, items, statement, whole
from insightengine.telemetry.schema import EDGE_REQUESTS, LOGS, OWN_NAMESPACE, SPANS, TRACE_INDEX

LONGEST_TRACE: Final = timedelta(hours=1)  # longer ones are listed with what lies within
SERVICES_SEEN_WITHIN: Final = timedelta(hours=24)
_MOST_SERVICES: Final = 500
_AT: Final = "fromUnixTimestamp64Nano({at_ns:Int64}, 'UTC')"
_WIDE: Final = (
    "Timestamp >= fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC') "
    "AND Timestamp < fromUnixTimestamp64Nano({latest_ns:Int64}, 'UTC')"
)


def page_statement(
    asked: TimeRange, wanted: TraceFilter, cursor: TraceCursor | None, limit: int
) -> Statement:
    """Traces that began within the range, newest first, and one more than `limit`.

    A trace belongs to the range that its first span lies in; spans of it that came in other
    inserts are other rows of the index, so its start is known only after they are joined.
    """
    bounds = in_range(asked, "begin")
    if cursor is not None:
        bounds = bounds.and_(
            f"(begin, TraceId) < ({_AT}, {{trace_id:String}})",
            at_ns=cursor.at_ns,
            trace_id=cursor.trace_id,
        )
    if wanted.min_duration_ms is not None:
        bounds = bounds.and_(
            "toUnixTimestamp64Nano(finish) - toUnixTimestamp64Nano(begin) "
            ">= {min_duration_ns:Int64}",
            min_duration_ns=round(wanted.min_duration_ms * 1e6),
        )
    chosen = _chosen(wanted)
    return statement(
        "SELECT TraceId, toUnixTimestamp64Nano(begin) AS begin_ns, "
        "toUnixTimestamp64Nano(finish) AS finish_ns FROM ("
        f"SELECT TraceId, min(Start) AS begin, max(End) AS finish FROM {TRACE_INDEX} WHERE "
        "Start >= fromUnixTimestamp64Nano({earliest_ns:Int64}, 'UTC') "
        "AND Start < fromUnixTimestamp64Nano({latest_ns:Int64}, 'UTC')"
        f"{''.join(f' AND {condition}' for condition in chosen.conditions)} GROUP BY TraceId) "
        f"WHERE {bounds.sql} ORDER BY begin DESC, TraceId DESC LIMIT {{row_limit:UInt32}}",
        bounds.given(**chosen.parameters),
        earliest_ns=asked.start_ns - _nanoseconds(LONGEST_TRACE),
        latest_ns=asked.end_ns + _nanoseconds(LONGEST_TRACE),
        row_limit=limit + 1,
    )


def _chosen(wanted: TraceFilter) -> Where:
    """Conditions on the id of a trace: some span of it, or its request at the edge, fits."""
    where = Where()
    spans, edge = span_where(wanted), traced_edge_where(wanted)
    matches = [
        f"TraceId IN (SELECT TraceId FROM {table} WHERE {_WIDE} AND {part.sql})"
        for table, part in ((SPANS, spans), (EDGE_REQUESTS, edge))
        if part is not None
    ]
    if spans is not None:
        where = where.and_(f"({' OR '.join(matches)})", **spans.parameters)
    if wanted.scope is Scope.APPLICATION:
        # Of the platform's own parts only the API sends spans; its name leads in the table's order.
        where = where.and_(
            f"TraceId NOT IN (SELECT TraceId FROM {SPANS} WHERE {_WIDE} AND ServiceName = 'api' "
            f"AND ResourceAttributes['service.namespace'] = '{OWN_NAMESPACE}')"
        )
    if wanted.errors_only:
        where = where.and_(
            f"TraceId IN (SELECT TraceId FROM {SPANS} WHERE {_WIDE} AND StatusCode = 'error')"
        )
    return where


def summaries_statement(found: Sequence[Row]) -> Statement:
    """What the listed traces consist of. `found` are rows of `page_statement`, not none."""
    where = Where(
        (
            "Timestamp >= fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC')",
            "Timestamp <= fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')",
            "TraceId IN {trace_ids:Array(String)}",
        ),
        {
            "first_ns": min(whole(row["begin_ns"]) for row in found),
            "last_ns": max(whole(row["finish_ns"]) for row in found),
            "trace_ids": [str(row["TraceId"]) for row in found],
        },
    )
    first = "(ParentSpanId != '', Timestamp, SpanId)"
    return statement(
        f"SELECT TraceId, argMin(ServiceName, {first}) AS root_service, "
        f"argMin(SpanName, {first}) AS root_name, count() AS spans, "
        "countIf(StatusCode = 'error') AS errors, arraySort(groupUniqArray(ServiceName)) AS "
        f"services FROM {SPANS} WHERE {where.sql} GROUP BY TraceId",
        where,
    )


def page(asked: TimeRange, limit: int, found: Sequence[Row], summaries: Sequence[Row]) -> TracePage:
    by_id = {str(row["TraceId"]): row for row in summaries}
    shown = found[:limit]
    following = None
    if len(found) > limit:
        last = shown[-1]
        following = encode(
            TraceCursor(asked.start_ns, asked.end_ns, whole(last["begin_ns"]), str(last["TraceId"]))
        )
    # The index is written with the spans; only retention may drop a span and leave its entry.
    entries = tuple(
        _summary(row, by_id[str(row["TraceId"])]) for row in shown if str(row["TraceId"]) in by_id
    )
    return TracePage(items=entries, next_cursor=following)


def services_statement(now_range: TimeRange) -> Statement:
    where = in_range(now_range)
    seen = " UNION ALL ".join(
        f"SELECT ServiceName, max(Timestamp) AS seen FROM {table} WHERE {where.sql} "
        "GROUP BY ServiceName"
        for table in (LOGS, SPANS)
    )
    return statement(
        "SELECT ServiceName, toUnixTimestamp64Nano(max(seen)) AS seen_ns "
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


def _summary(found: Row, row: Row) -> TraceSummary:
    begin_ns, errors = whole(found["begin_ns"]), whole(row["errors"])
    return TraceSummary(
        trace_id=str(row["TraceId"]),
        start=from_ns(begin_ns),
        duration_ms=(whole(found["finish_ns"]) - begin_ns) / 1e6,
        root_service=str(row["root_service"]),
        root_name=str(row["root_name"]),
        spans=whole(row["spans"]),
        errors=errors,
        services=tuple(str(service) for service in items(row["services"])),
        status=TraceStatus.ERROR if errors else TraceStatus.OK,
    )


def _nanoseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1) * 1000
