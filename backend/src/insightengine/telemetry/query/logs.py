"""Log entries page by page, and how many there were of each severity."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from insightengine.core.time import TimeRange, from_ns
from insightengine.telemetry.models import (
    LogEntry,
    LogHistogram,
    LogHistogramPoint,
    LogPage,
    LogSeverity,
    SortOrder,
)
from insightengine.telemetry.query.cursors import LogCursor, encode
from insightengine.telemetry.query.filters import (
    SEVERITY_NUMBERS,
    SEVERITY_SQL,
    LogFilter,
    Where,
    logs_where,
)
from insightengine.telemetry.query.ranges import Grid
from insightengine.telemetry.query.statement import Row, Statement, statement, texts, whole
from insightengine.telemetry.schema import LOGS

_LONGEST_BODY: Final = 65_536
_HASH: Final = (
    "cityHash64(ServiceName, TraceId, SpanId, SeverityNumber, Body, LogAttributes, "
    "ResourceAttributes)"
)
_AT: Final = "fromUnixTimestamp64Nano({at_ns:Int64}, 'UTC')"
_COLUMNS: Final = (
    f"toUnixTimestamp64Nano(Timestamp) AS at_ns, {_HASH} AS hash, SeverityText, SeverityNumber, "
    f"ServiceName, if(lengthUTF8(Body) > {_LONGEST_BODY}, "
    f"concat(substringUTF8(Body, 1, {_LONGEST_BODY}), '…'), Body) AS body, "
    "TraceId, SpanId, LogAttributes, ResourceAttributes"
)


def page_statement(
    asked: TimeRange, wanted: LogFilter, cursor: LogCursor | None, order: SortOrder, limit: int
) -> Statement:
    """One more row than `limit`, which tells whether there is a next page.

    The order by hash makes equal times stable, but would read every attribute of the range. So the
    inner query, which reads times only, finds the time up to which one page reaches.
    """
    is_descending = order is SortOrder.DESCENDING
    where = logs_where(asked, wanted).given(row_limit=limit + 1, row_offset=0)
    behind = where
    if cursor is not None:
        outward = "<" if is_descending else ">"
        where = where.and_(
            f"(Timestamp, {_HASH}) {outward}= ({_AT}, {{hash:UInt64}})",
            at_ns=cursor.at_ns,
            hash=cursor.hash,
            row_offset=cursor.skip,
        )
        behind = behind.and_(f"Timestamp {outward} {_AT}")
    direction = "DESC" if is_descending else "ASC"
    return statement(
        f"SELECT {_COLUMNS} FROM {LOGS} WHERE {where.sql} AND {_reach(behind, cursor, order)} "
        f"ORDER BY Timestamp {direction}, hash {direction} "
        "LIMIT {row_limit:UInt32} OFFSET {row_offset:UInt32}",
        where,
    )


def _reach(behind: Where, cursor: LogCursor | None, order: SortOrder) -> str:
    """Nothing farther out than the last row that a page from here can hold."""
    is_descending = order is SortOrder.DESCENDING
    edge = "start_ns" if is_descending else "end_ns"
    nothing_behind = _AT if cursor else f"fromUnixTimestamp64Nano({{{edge}:Int64}}, 'UTC')"
    farthest, direction, inward = ("min", "DESC", ">=") if is_descending else ("max", "ASC", "<=")
    return (
        f"Timestamp {inward} (SELECT if(count() = 0, {nothing_behind}, {farthest}(Timestamp)) "
        f"FROM (SELECT Timestamp FROM {LOGS} WHERE {behind.sql} "
        f"ORDER BY Timestamp {direction} LIMIT {{row_limit:UInt32}}))"
    )


def page(asked: TimeRange, cursor: LogCursor | None, limit: int, rows: Sequence[Row]) -> LogPage:
    shown = rows[:limit]
    copies = _copies(cursor, shown)
    following = None
    if len(rows) > limit:
        at_ns, digest = _key(shown[-1])
        following = encode(LogCursor(asked.start_ns, asked.end_ns, at_ns, digest, copies[-1] + 1))
    entries = tuple(_entry(row, copy) for row, copy in zip(shown, copies, strict=True))
    return LogPage(items=entries, next_cursor=following)


def histogram_statement(grid: Grid, wanted: LogFilter) -> Statement:
    where = logs_where(grid.range, wanted)
    counts = ", ".join(
        f"countIf(number >= {first} AND number < {first + 4}) AS {name}"
        for name, first in SEVERITY_NUMBERS.items()
        if name is not LogSeverity.FATAL
    )
    return statement(
        "SELECT intDiv(toUnixTimestamp64Nano(Timestamp), {step_ns:Int64}) * {step_ns:Int64} "
        f"AS slot_ns, {counts}, countIf(number >= {SEVERITY_NUMBERS[LogSeverity.FATAL]}) AS fatal "
        f"FROM (SELECT Timestamp, {SEVERITY_SQL} AS number FROM {LOGS} WHERE {where.sql}) "
        "GROUP BY slot_ns",
        where,
        step_ns=grid.step_ns,
    )


def histogram(grid: Grid, rows: Sequence[Row]) -> LogHistogram:
    by_slot = {whole(row["slot_ns"]): row for row in rows}
    points = tuple(
        LogHistogramPoint(
            t=slot.start,
            **{
                name.value: whole(by_slot[slot.start_ns][name.value])
                if slot.start_ns in by_slot
                else 0
                for name in LogSeverity
            },
        )
        for slot in grid.slots()
    )
    return LogHistogram(step_s=grid.step_s, points=points)


def _key(row: Row) -> tuple[int, int]:
    return whole(row["at_ns"]), whole(row["hash"])


def _copies(cursor: LogCursor | None, rows: Sequence[Row]) -> list[int]:
    """How many exact copies of each row came before it, on this page and on those before."""
    seen = {(cursor.at_ns, cursor.hash): cursor.skip} if cursor else {}
    copies = []
    for row in rows:
        copies.append(seen.get(_key(row), 0))
        seen[_key(row)] = copies[-1] + 1
    return copies


def _entry(row: Row, copy: int) -> LogEntry:
    at_ns, digest = _key(row)
    return LogEntry(
        id=f"{at_ns:x}-{digest:x}" + (f"-{copy}" if copy else ""),
        timestamp=from_ns(at_ns),
        severity_text=str(row["SeverityText"]),
        severity_number=whole(row["SeverityNumber"]),
        service=str(row["ServiceName"]),
        body=str(row["body"]),
        trace_id=str(row["TraceId"]) or None,
        span_id=str(row["SpanId"]) or None,
        attributes=texts(row["LogAttributes"]),
        resource=texts(row["ResourceAttributes"]),
    )
