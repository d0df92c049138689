"""Exceptions that applications reported, in spans or in logs, by group."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from insightengine.core.time import TimeRange, from_ns
from insightengine.telemetry.query.filters import Where, in_range
from insightengine.telemetry.query.ranges import Grid
from insightengine.telemetry.query.statement import Row, Statement, items, statement, whole
from insightengine.telemetry.schema import EXCEPTIONS
from insightengine.telemetry.search_models import (
    ErrorGroup,
    ErrorGroupList,
    ExceptionCount,
    ExceptionDetail,
    ExceptionOccurrence,
)

_MOST_GROUPS: Final = 200
_MOST_OCCURRENCES: Final = 50
_LONGEST_MESSAGE: Final = 1000
_GROUP: Final = (
    "GroupId, GroupVersion, any(Type) AS type, "
    f"substringUTF8(argMax(Message, Timestamp), 1, {_LONGEST_MESSAGE}) AS message, "
    "argMax(ServiceName, Timestamp) AS service, count() AS occurrences, "
    "toUnixTimestamp64Nano(min(Timestamp)) AS first_ns, "
    "toUnixTimestamp64Nano(max(Timestamp)) AS last_ns, "
    "arraySort(groupUniqArrayIf(20)(toString(Release), Release != '')) AS releases, "
    "argMaxIf(TraceId, Timestamp, TraceId != '') AS trace_id"
)

_SAME: Final = "TraceId, SpanId, Type, Message"
_RANK: Final = "(Source = 'log', Timestamp)"


def groups_statement(asked: TimeRange, service: str | None, group_id: str | None) -> Statement:
    """The most frequent first."""
    where = _where(asked, service, group_id)
    return statement(
        f"SELECT {_GROUP} FROM {EXCEPTIONS} WHERE {where.sql} GROUP BY GroupId, GroupVersion "
        f"ORDER BY occurrences DESC, last_ns DESC LIMIT {_MOST_GROUPS}",
        where,
    )


def occurrences_statement(asked: TimeRange, group_id: str) -> Statement:
    where = _where(asked, None, group_id)
    return statement(
        "SELECT toUnixTimestamp64Nano(Timestamp) AS at_ns, Source, Message, Stacktrace, Release, "
        f"Colour, TraceId, SpanId FROM {EXCEPTIONS} WHERE {where.sql} "
        f"ORDER BY Timestamp DESC LIMIT {_MOST_OCCURRENCES}",
        where,
    )


def counts_statement(grid: Grid, group_id: str) -> Statement:
    where = _where(grid.range, None, group_id)
    return statement(
        "SELECT intDiv(toUnixTimestamp64Nano(Timestamp), {step_ns:Int64}) * {step_ns:Int64} "
        f"AS slot_ns, count() AS occurrences FROM {EXCEPTIONS} WHERE {where.sql} GROUP BY slot_ns",
        where,
        step_ns=grid.step_ns,
    )


def _where(asked: TimeRange, service: str | None, group_id: str | None) -> Where:
    """Each exception once: many libraries report it on the span and log it as well, and those
    around them report it on the same span once more, with other frames or words around it, so that
    it would even be a group of its own. The first report on the span counts, else the first line.
    """
    of_span = in_range(asked).and_("SpanId != ''")
    where = in_range(asked).and_(
        f"(SpanId = '' OR ({_SAME}, {_RANK}) IN "
        f"(SELECT {_SAME}, min({_RANK}) FROM {EXCEPTIONS} WHERE {of_span.sql} GROUP BY {_SAME}))"
    )
    if service is not None:
        where = where.and_("ServiceName = {service:String}", service=service)
    if group_id is not None:
        where = where.and_("GroupId = {group_id:String}", group_id=group_id)
    return where


def group_list(rows: Sequence[Row]) -> ErrorGroupList:
    return ErrorGroupList(items=tuple(map(_group, rows)))


def detail(
    grid: Grid, group: Row, counts: Sequence[Row], occurrences: Sequence[Row]
) -> ExceptionDetail:
    by_slot = {whole(row["slot_ns"]): whole(row["occurrences"]) for row in counts}
    return ExceptionDetail(
        group=_group(group),
        step_s=grid.step_s,
        points=tuple(
            ExceptionCount(t=slot.start, occurrences=by_slot.get(slot.start_ns, 0))
            for slot in grid.slots()
        ),
        occurrences=tuple(map(_occurrence, occurrences)),
    )


def _group(row: Row) -> ErrorGroup:
    return ErrorGroup(
        group_id=str(row["GroupId"]),
        group_version=whole(row["GroupVersion"]),
        type=str(row["type"]),
        message=str(row["message"]),
        service=str(row["service"]),
        occurrences=whole(row["occurrences"]),
        first_seen=from_ns(whole(row["first_ns"])),
        last_seen=from_ns(whole(row["last_ns"])),
        releases=tuple(map(str, items(row["releases"]))),
        trace_id=str(row["trace_id"]) or None,
    )


def _occurrence(row: Row) -> ExceptionOccurrence:
    return ExceptionOccurrence(
        t=from_ns(whole(row["at_ns"])),
        source=str(row["Source"]),
        message=str(row["Message"]),
        stacktrace=str(row["Stacktrace"]),
        release=str(row["Release"]),
        colour=str(row["Colour"]),
        trace_id=str(row["TraceId"]) or None,
        span_id=str(row["SpanId"]) or None,
    )
