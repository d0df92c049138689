"""Which values entries and traces have, and how many of each."""

# ruff: noqa: E501, S608  lines of SQL are left whole; only constants are written into them

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from insightengine.core.time import TimeRange
from insightengine.telemetry.models import LogSeverity
from insightengine.telemetry.query.filters import (
    SEVERITY_SQL,
    LogFilter,
    TraceFilter,
    Where,
    counted_where,
    logs_where,
    span_where,
)
from insightengine.telemetry.query.language.vocabulary import ALSO, SPAN_WORDS
from insightengine.telemetry.query.statement import Row, Statement, statement, whole
from insightengine.telemetry.query.traces import of_traces
from insightengine.telemetry.schema import LOG_FACETS, LOG_MINUTES, LOGS, SPANS
from insightengine.telemetry.search_models import Facet, FacetList, FacetValue

SAMPLE: Final = 20_000
TRACE_SAMPLE: Final = 1_000  # their ids stand in the address of the next query
_SPAN_COLUMNS: Final = ("service", "name", "kind")
_SPAN_ATTRIBUTES: Final = ("status", "route", "environment", "release", "colour")
_MOST_KEYS: Final = 40
_MOST_VALUES: Final = 10
SLOT: Final = timedelta(minutes=15)
_LEVELS: Final = ", ".join(f"'{name}'" for name in LogSeverity)
_LEVEL: Final = f"[{_LEVELS}][intDiv(least({SEVERITY_SQL}, 24) - 1, 4) + 1]"
_MOST_OF_EACH: Final = (
    "GROUP BY key, value HAVING value != '' "
    f"ORDER BY entries DESC, key, value LIMIT {_MOST_VALUES} BY key "
    f"LIMIT {_MOST_KEYS * _MOST_VALUES}"
)


def is_counted(asked: TimeRange, wanted: LogFilter) -> bool:
    """Whether the rollup knows it; it counts quarter hours, by service only."""
    narrow = (wanted.search, wanted.severity_min, wanted.trace_id, wanted.attributes)
    return narrow == (None, None, None, ()) and asked.duration > SLOT


def statement_of(asked: TimeRange, wanted: LogFilter) -> Statement:
    return _counted(asked, wanted) if is_counted(asked, wanted) else _sampled(asked, wanted)


def _counted(asked: TimeRange, wanted: LogFilter) -> Statement:
    where = counted_where(wanted)
    start = "fromUnixTimestamp64Nano({start_ns:Int64}, 'UTC')"
    end = "fromUnixTimestamp64Nano({end_ns:Int64}, 'UTC')"
    pairs = (
        f"('service', ServiceName), ('level', {_LEVEL}), ('release', Release), ('colour', Colour)"
    )
    return statement(
        "SELECT key, value, sum(n) AS entries FROM ("
        f"SELECT pair.1 AS key, toString(pair.2) AS value, Entries AS n FROM (SELECT Entries, "
        f"arrayJoin([{pairs}]) AS pair FROM {LOG_MINUTES} "
        f"WHERE Minute >= {start} AND Minute < {end} AND {where.sql}) UNION ALL "
        f"SELECT Key, Value, Entries FROM {LOG_FACETS} "
        f"WHERE Slot >= toStartOfFifteenMinutes({start}) AND Slot < {end} AND Key != 'service.version' AND {where.sql}) {_MOST_OF_EACH}",
        where,
        start_ns=asked.start_ns,
        end_ns=asked.end_ns,
    )


def _sampled(asked: TimeRange, wanted: LogFilter) -> Statement:
    where = logs_where(asked, wanted)
    return statement(
        "SELECT pair.1 AS key, pair.2 AS value, count() AS entries FROM ("
        "SELECT arrayJoin(arrayConcat([('service', toString(ServiceName)), "
        f"('level', {_LEVEL}), ('host.name', ResourceAttributes['host.name']), "
        "('release', ResourceAttributes['service.version'])], "
        "arrayMap((k, v) -> (toString(k), v), mapKeys(LogAttributes), mapValues(LogAttributes)))) "
        f"AS pair FROM (SELECT * FROM {LOGS} WHERE {where.sql} "
        f"ORDER BY toStartOfFiveMinutes(Timestamp) DESC LIMIT {SAMPLE})) "
        f"WHERE length(pair.2) <= 128 {_MOST_OF_EACH}",
        where,
    )


def trace_statement(found: Sequence[Row], wanted: TraceFilter) -> Statement:
    """How many of the traces `found`, rows of pages and not none, have a span with each value.

    Only spans that fit the search count: so many traces are left when the value is added to it.
    """
    fits = span_where(wanted) or Where()
    where = of_traces(found)
    where = Where((*where.conditions, *fits.conditions), {**where.parameters, **fits.parameters})
    pairs = [
        *(f"('{name}', toString({SPAN_WORDS.columns[name].sql}))" for name in _SPAN_COLUMNS),
        *(f"('{name}', {_attribute(name)})" for name in _SPAN_ATTRIBUTES),
    ]
    return statement(
        "SELECT pair.1 AS key, pair.2 AS value, uniqExact(TraceId) AS entries FROM ("
        f"SELECT TraceId, arrayJoin([{', '.join(pairs)}]) AS pair FROM {SPANS} WHERE {where.sql}) "
        f"WHERE length(pair.2) <= 128 {_MOST_OF_EACH}",
        where,
    )


def _attribute(name: str) -> str:
    """The first of the names that a search for this one looks at, and that has a value."""
    values = (f"{column}['{key}']" for key in ALSO[name] for column in SPAN_WORDS.maps)
    return f"arrayFirst(v -> v != '', [{', '.join(values)}])"


def facets(rows: Sequence[Row], sampled: int | None) -> FacetList:
    """Keys in the order of their best value."""
    by_key: dict[str, list[FacetValue]] = {}
    for row in rows:
        if row["key"] in by_key or len(by_key) < _MOST_KEYS:
            values = by_key.setdefault(str(row["key"]), [])
            values.append(FacetValue(value=str(row["value"]), entries=whole(row["entries"])))
    return FacetList(
        items=tuple(Facet(key=key, values=tuple(values)) for key, values in by_key.items()),
        sampled_entries=sampled,
    )
