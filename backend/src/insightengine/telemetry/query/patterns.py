"""Which texts log entries have, numbers and other values left out, and how many of each."""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from insightengine.core.time import TimeRange
from insightengine.telemetry.models import LogSeverity
from insightengine.telemetry.query.drain import Counted, joined
from insightengine.telemetry.query.facets import SAMPLE, SLOT
from insightengine.telemetry.query.filters import SEVERITY_SQL, LogFilter, counted_where, logs_where
from insightengine.telemetry.query.statement import Row, Statement, items, statement, whole
from insightengine.telemetry.schema import LOG_PATTERNS, LOGS
from insightengine.telemetry.schema.views import PATTERN_REST, PATTERN_VALUE, pattern
from insightengine.telemetry.search_models import LogPattern, LogPatternList

_MOST_JOINED: Final = 2000
_MOST_SHOWN: Final = 200
_MOST_SERVICES: Final = 8
_LEVEL: Final = f"intDiv(least({SEVERITY_SQL}, 24) - 1, 4)"
_VALUES: Final = re.compile(f"{re.escape(PATTERN_VALUE)}|{re.escape(PATTERN_REST)}")
_EDGES: Final = re.compile(r"^[^0-9A-Za-z\x80-\U0010ffff]+|[^0-9A-Za-z\x80-\U0010ffff]+$")


def is_counted(asked: TimeRange, wanted: LogFilter) -> bool:
    """Whether the rollup knows it; it counts quarter hours, by service and severity."""
    return (wanted.search, wanted.trace_id, wanted.attributes) == (
        None,
        None,
        (),
    ) and asked.duration > SLOT


def statement_of(asked: TimeRange, wanted: LogFilter) -> Statement:
    """The most frequent patterns, with how many entries all of them have together."""
    if is_counted(asked, wanted):
        where = counted_where(wanted)
        start = "toStartOfFifteenMinutes(fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC'))"
        end = "fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')"
        rows = (
            f"SELECT Pattern AS text, ServiceName, {_LEVEL} AS level, Entries AS n "
            f"FROM {LOG_PATTERNS} WHERE Slot >= {start} AND Slot < {end} AND {where.sql}"
        )
        where = where.given(start_ns=asked.start_ns, end_ns=asked.end_ns)
    else:
        where = logs_where(asked, wanted)
        rows = (
            f"SELECT {pattern('Body')} AS text, ServiceName, {_LEVEL} AS level, toUInt64(1) AS n "
            f"FROM (SELECT Body, ServiceName, SeverityNumber FROM {LOGS} "
            f"WHERE Body != '' AND {where.sql} "
            f"ORDER BY toStartOfFiveMinutes(Timestamp) DESC LIMIT {SAMPLE} "
            "SETTINGS max_threads = 1)"
        )
    return statement(
        "SELECT text, sum(n) AS entries, max(level) AS severest, "
        f"groupUniqArray({_MOST_SERVICES})(toString(ServiceName)) AS services, "
        f"sum(entries) OVER () AS total FROM ({rows}) GROUP BY text "
        f"ORDER BY entries DESC, text LIMIT {_MOST_JOINED}",
        where,
    )


def patterns(rows: Sequence[Row], sampled: int | None) -> LogPatternList:
    found = joined(
        Counted(
            str(row["text"]),
            whole(row["entries"]),
            frozenset(map(str, items(row["services"]))),
            whole(row["severest"]),
        )
        for row in rows
    )
    shown = found[:_MOST_SHOWN]
    return LogPatternList(
        items=tuple(map(_pattern, shown)),
        entries=whole(rows[0]["total"]) if rows else 0,
        shown_entries=sum(each.entries for each in shown),
        sampled_entries=sampled,
    )


def _pattern(counted: Counted) -> LogPattern:
    return LogPattern(
        pattern=counted.pattern,
        entries=counted.entries,
        services=tuple(sorted(counted.services)),
        level=tuple(LogSeverity)[counted.level],
        search=search_of(counted.pattern),
    )


def search_of(text: str) -> str:
    """The constant parts as quoted words, which the index of words helps to find."""
    parts = (_EDGES.sub("", part) for part in _VALUES.split(text))
    escaped = (re.sub(r'(["\\])', r"\\\1", part) for part in parts if part)
    return " ".join(f'"{part}"' for part in escaped)
