"""Log entries page by page, and how many there were of each severity."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from insightengine.core.errors import InvalidInputError
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
    AT,
    SEVERITY_SQL,
    LogFilter,
    Where,
    counted_where,
    from_five_minutes,
    logs_where,
    outside,
    to_five_minutes,
)
from insightengine.telemetry.query.minutes import MINUTE_NS, whole_minutes_ns
from insightengine.telemetry.query.ranges import Grid
from insightengine.telemetry.query.statement import Row, Statement, statement, texts, whole
from insightengine.telemetry.schema import LOG_MINUTES, LOGS

_ID: Final = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})(?:-[0-9]{1,9})?")
_LONGEST_BODY: Final = 65_536
_HASH: Final = (
    "cityHash64(ServiceName, TraceId, SpanId, SeverityNumber, Body, LogAttributes, "
    "ResourceAttributes)"
)
_AT: Final = "fromUnixTimestamp64Nano({at_ns:Int64}, 'UTC')"
# Two threads read at both ends of the range, and do not stop when one has found enough.
_IN_ORDER: Final = " SETTINGS max_threads = 1"
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
    inner query, which reads times only and in the order of the table, finds the time up to which
    one page reaches.
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
        near = to_five_minutes(_AT) if is_descending else from_five_minutes(_AT)
        where = where.and_(near)
        behind = behind.and_(f"{AT} {outward} {_AT}").and_(near, at_ns=cursor.at_ns)
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
    farthest, direction = ("min", "DESC") if is_descending else ("max", "ASC")
    reached = (
        f"assumeNotNull((SELECT if(count() = 0, {nothing_behind}, {farthest}(Timestamp)) "
        f"FROM (SELECT Timestamp FROM {LOGS} WHERE {behind.sql} ORDER BY "
        f"toStartOfFiveMinutes(Timestamp) {direction}, Timestamp {direction} "
        f"LIMIT {{row_limit:UInt32}}{_IN_ORDER})))"
    )
    if is_descending:
        return f"{AT} >= {reached} AND {from_five_minutes(reached)}"
    return f"{AT} <= {reached} AND {to_five_minutes(reached)}"


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
    """Whole minutes are counted already, unless single entries decide what counts."""
    is_counted = (wanted.search, wanted.trace_id, wanted.attributes) == (None, None, ())
    if is_counted and grid.step_ns % MINUTE_NS == 0:
        rows, where = _counted(grid.range, wanted)
    else:
        where = logs_where(grid.range, wanted)
        rows = _single(where)
    return statement(
        "SELECT intDiv(at_ns, {step_ns:Int64}) * {step_ns:Int64} AS slot_ns, "
        "intDiv(least(number, 24) - 1, 4) AS level, sum(entries) AS entries "
        f"FROM ({rows}) GROUP BY slot_ns, level",
        where,
        step_ns=grid.step_ns,
    )


def _single(where: Where) -> str:
    return (
        f"SELECT toUnixTimestamp64Nano(Timestamp) AS at_ns, {SEVERITY_SQL} AS number, "
        f"toUInt64(1) AS entries FROM {LOGS} WHERE {where.sql}"
    )


def _counted(asked: TimeRange, wanted: LogFilter) -> tuple[str, Where]:
    """Whole minutes from the rollup, the parts of minutes at both ends as they are."""
    first_ns, last_ns = whole_minutes_ns(asked)
    where = logs_where(asked, wanted)
    first = "fromUnixTimestamp64Nano({first_ns:Int64}, 'UTC')"
    last = "fromUnixTimestamp64Nano({last_ns:Int64}, 'UTC')"
    ends = where.and_(
        outside(first, last, AT),
        first_ns=first_ns,
        last_ns=last_ns,
    )
    alike = counted_where(wanted)
    sql = (
        f"SELECT toInt64(toUnixTimestamp(Minute)) * 1000000000 AS at_ns, {SEVERITY_SQL} AS number, "
        f"Entries AS entries FROM {LOG_MINUTES} "
        f"WHERE Minute >= {first} AND Minute < {last} AND {alike.sql} "
        f"UNION ALL {_single(ends)}"
    )
    return sql, ends.given(**alike.parameters)


def histogram(grid: Grid, rows: Sequence[Row]) -> LogHistogram:
    levels = tuple(LogSeverity)
    counts: dict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(levels, 0))
    for row in rows:
        counts[whole(row["slot_ns"])][levels[whole(row["level"])]] += whole(row["entries"])
    points = tuple(
        LogHistogramPoint(
            t=slot.start, **{name.value: counts[slot.start_ns][name] for name in levels}
        )
        for slot in grid.slots()
    )
    return LogHistogram(step_s=grid.step_s, points=points)


def position_of(entry_id: str) -> tuple[int, int]:
    """Time and hash of an entry, from its id. Raises InvalidInputError."""
    match = _ID.fullmatch(entry_id)
    if match is None or int(match[1], 16) >= 2**63:
        raise InvalidInputError(
            f"{entry_id[:64]!r} is not the id of a log entry", code="invalid_id"
        )
    return int(match[1], 16), int(match[2], 16)


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
