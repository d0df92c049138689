"""A metric over time: rates of counters, averages of gauges, quantiles of histograms, by labels.

Within a slot each series is reduced first (a counter to its growth, a gauge to its mean), then the
series of a group are joined. Growth counts from the sample before the range; a counter that fell
was restarted, and grew by what it shows since.
"""

# ruff: noqa: E501, S608  lines of SQL are left whole; only constants are written into them

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from insightengine.core.errors import InvalidInputError
from insightengine.core.time import TimeRange
from insightengine.telemetry.metric_models import (
    Aggregate,
    MetricPoint,
    MetricResult,
    MetricSeries,
)
from insightengine.telemetry.query.filters import Where, in_range
from insightengine.telemetry.query.histograms import of_bounds, of_exponents
from insightengine.telemetry.query.language import Expression
from insightengine.telemetry.query.language.sql import condition
from insightengine.telemetry.query.language.vocabulary import Column, Kind, Vocabulary
from insightengine.telemetry.query.metrics import active
from insightengine.telemetry.query.ranges import Grid
from insightengine.telemetry.query.statement import Row, Statement, items, known, statement, whole
from insightengine.telemetry.schema import METRICS, SERIES

MOST_GROUPS: Final = 50
_MOST_ROWS: Final = 200_000
_LOOK_BACK: Final = timedelta(minutes=5)  # for the sample that the first growth starts from
_HISTOGRAMS: Final = frozenset({"histogram", "exponential_histogram"})
_METRIC_WORDS: Final = Vocabulary(
    {"service": Column("ServiceName", Kind.TEXT, "name of the service")},
    ("Attributes", "ResourceAttributes"),
    "MetricName",
)
_LABELS: Final = (
    "arrayMap(k -> multiIf(k = 'service', toString(ServiceName), Attributes[k] != '', "
    "Attributes[k], ResourceAttributes[k]), {group_by:Array(String)}) AS labels"
)
_SLOT: Final = "intDiv(at_ns, {step_ns:Int64}) * {step_ns:Int64} AS slot_ns"
_BEFORE: Final = "ORDER BY Timestamp ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING"


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """`rate` is of what is counted a second. `group_by` are labels of the point or its resource."""

    name: str
    aggregate: Aggregate = Aggregate.AVG
    rate: bool = False
    group_by: tuple[str, ...] = ()
    search: Expression | None = None


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of the metric."""

    type: str
    unit: str
    temporality: str

    @property
    def is_histogram(self) -> bool:
        return self.type in _HISTOGRAMS


def described_statement(asked: TimeRange, name: str) -> Statement:
    where = active(asked).and_("MetricName = {name:String}", name=name)
    return statement(
        "SELECT anyLast(MetricType) AS type, anyLast(MetricUnit) AS unit, "
        f"anyLast(Temporality) AS temporality FROM {SERIES} WHERE {where.sql} HAVING count() > 0",
        where,
    )


def described(row: Row) -> Described:
    return Described(str(row["type"]), str(row["unit"]), str(row["temporality"]))


def points_statement(grid: Grid, wanted: MetricQuery, known_as: Described) -> Statement:
    if known_as.is_histogram and wanted.aggregate.quantile is not None:
        return _buckets(grid, wanted, known_as)
    reduced, least = _reduced(wanted, known_as)
    join = _JOINS[wanted.aggregate]
    where = _where(grid, wanted)
    return statement(
        f"SELECT slot_ns, labels, {join} AS value FROM ("
        f"SELECT slot_ns, SeriesId, any(labels) AS labels, {reduced} AS reduced "
        f"FROM ({_samples(where, known_as)}) WHERE at_ns >= {{first_ns:Int64}} AND {least} "
        f"GROUP BY slot_ns, SeriesId) GROUP BY slot_ns, labels LIMIT {_MOST_ROWS}",
        where,
        **_given(grid, wanted),
    )


_JOINS: Final = {
    Aggregate.AVG: "avg(reduced)",
    Aggregate.SUM: "sum(reduced)",
    Aggregate.MIN: "min(reduced)",
    Aggregate.MAX: "max(reduced)",
    Aggregate.COUNT: "toFloat64(count())",
    Aggregate.P50: "quantile(0.5)(reduced)",
    Aggregate.P90: "quantile(0.9)(reduced)",
    Aggregate.P95: "quantile(0.95)(reduced)",
    Aggregate.P99: "quantile(0.99)(reduced)",
}


def _reduced(wanted: MetricQuery, known_as: Described) -> tuple[str, str]:
    """What one series is within a slot, and which of its samples count."""
    counted = "Count" if known_as.type in (*_HISTOGRAMS, "summary") else "Value"
    if wanted.rate:
        if known_as.type == "gauge":
            raise InvalidInputError(
                f"{wanted.name} is a gauge: it has no rate",
                code="no_rate",
                hint="leave rate out, or ask for a counter or a histogram",
            )
        if known_as.temporality == "delta":
            return f"sum({counted}) / {{step_s:Float64}}", "1"
        lag = f"lag_{counted.lower()}"
        now = f"toFloat64({counted})"
        grown = f"if({counted} < {lag}, {now}, {now} - toFloat64({lag}))"
        return f"sum({grown}) / {{step_s:Float64}}", "position > 1"
    if counted == "Count":
        return "sum(Sum) / nullIf(sum(Count), 0)", "Count > 0"
    return "avg(Value)", "isFinite(Value)"


def _samples(where: Where, known_as: Described) -> str:
    """Samples with the one before of the same series beside them, where growth needs it."""
    window = f"OVER (PARTITION BY SeriesId {_BEFORE})"
    numbered = "OVER (PARTITION BY SeriesId ORDER BY Timestamp)"
    lags = (
        f", any(Value) {window} AS lag_value, any(Count) {window} AS lag_count, "
        f"row_number() {numbered} AS position"
        if known_as.temporality == "cumulative"
        else ", 0. AS lag_value, toUInt64(0) AS lag_count, toUInt64(2) AS position"
    )
    return (
        "SELECT SeriesId, toUnixTimestamp64Nano(Timestamp) AS at_ns, "
        f"{_SLOT}, Value, Count, Sum, {_LABELS}{lags} FROM {METRICS} WHERE {where.sql}"
    )


def _where(grid: Grid, wanted: MetricQuery) -> Where:
    where = in_range(TimeRange(grid.range.start - _LOOK_BACK, grid.range.end))
    where = where.and_("MetricName = {name:String}", name=wanted.name)
    if wanted.search is not None:
        sql, parameters = condition(wanted.search, _METRIC_WORDS)
        where = where.and_(sql, **parameters)
    return where


def _given(grid: Grid, wanted: MetricQuery) -> Mapping[str, object]:
    return {
        "step_ns": grid.step_ns,
        "step_s": float(grid.step_s),
        "first_ns": grid.range.start_ns,
        "group_by": list(wanted.group_by),
    }


def _buckets(grid: Grid, wanted: MetricQuery, known_as: Described) -> Statement:
    """Counts of buckets by slot and labels, as growth where they are cumulative."""
    where = _where(grid, wanted)
    cells = (
        "arrayMap((b, c) -> ('+', toString(b), toInt64(c)), arrayPushBack(BucketBounds, inf), "
        "arrayResize(BucketCounts, length(BucketBounds) + 1))"
        if known_as.type == "histogram"
        else "arrayConcat(" + _cells("Positive", "+") + ", " + _cells("Negative", "-") + ", "
        "[('0', '0', toInt64(ZeroCount))])"
    )
    coarsest = (
        f"(SELECT min(Scale) FROM {METRICS} WHERE {where.sql})"
        if known_as.type == "exponential_histogram"
        else "0"
    )
    cumulative = known_as.temporality == "cumulative"
    window = f"OVER (PARTITION BY SeriesId, cell.1, cell.2 {_BEFORE})"
    growth = f"toInt64(if(n < any(n) {window}, n, n - any(n) {window}))" if cumulative else "n"
    first = "at_ns > first_of_series" if cumulative else "1"
    return statement(
        "SELECT slot_ns, labels, side, bucket, sum(grown) AS grown_by, any(scale) AS scale FROM ("
        f"SELECT slot_ns, at_ns, labels, cell.1 AS side, cell.2 AS bucket, scale, {growth} AS grown, "
        "first_of_series FROM (SELECT SeriesId, Timestamp, at_ns, slot_ns, labels, scale, "
        "first_of_series, (c.1, c.2) AS cell, sum(c.3) AS n FROM ("
        f"WITH {coarsest} AS coarsest SELECT SeriesId, Timestamp, "
        "toUnixTimestamp64Nano(Timestamp) AS at_ns, coarsest AS scale, "
        "min(at_ns) OVER (PARTITION BY SeriesId) AS first_of_series, "
        f"{_SLOT}, {_LABELS}, {cells} AS all_cells FROM {METRICS} WHERE {where.sql}) ARRAY JOIN all_cells AS c "
        "GROUP BY SeriesId, Timestamp, at_ns, slot_ns, labels, scale, first_of_series, cell)) "
        f"WHERE at_ns >= {{first_ns:Int64}} AND {first} "
        f"GROUP BY slot_ns, labels, side, bucket LIMIT {_MOST_ROWS}",
        where,
        **_given(grid, wanted),
    )


def _cells(side: str, sign: str) -> str:
    return (
        f"arrayMap((c, i) -> ('{sign}', toString(bitShiftRight({side}Offset + toInt32(i) - 1, "
        f"Scale - coarsest)), toInt64(c)), {side}Counts, arrayEnumerate({side}Counts))"
    )


def result(
    grid: Grid, wanted: MetricQuery, known_as: Described, rows: Sequence[Row]
) -> MetricResult:
    """The groups with the largest values first."""
    quantile = wanted.aggregate.quantile
    values: dict[tuple[str, ...], dict[int, float | None]]
    if known_as.is_histogram and quantile is not None:
        values = _quantiles(rows, known_as, quantile)
    else:
        values = defaultdict(dict)
        for row in rows:
            values[_labels(row)][whole(row["slot_ns"])] = known(row["value"])
    ordered = sorted(values.items(), key=lambda group: (-_size(group[1]), group[0]))
    return MetricResult(
        name=wanted.name,
        unit=known_as.unit,
        type=known_as.type,
        step_s=grid.step_s,
        truncated=len(ordered) > MOST_GROUPS,
        series=tuple(
            MetricSeries(
                labels=dict(zip(wanted.group_by, labels, strict=True)),
                points=tuple(
                    MetricPoint(t=slot.start, value=by_slot.get(slot.start_ns))
                    for slot in grid.slots()
                ),
            )
            for labels, by_slot in ordered[:MOST_GROUPS]
        ),
    )


def _size(by_slot: Mapping[int, float | None]) -> float:
    return max((abs(value) for value in by_slot.values() if value is not None), default=0.0)


def _labels(row: Row) -> tuple[str, ...]:
    return tuple(map(str, items(row["labels"])))


def _quantiles(
    rows: Sequence[Row], known_as: Described, quantile: float
) -> dict[tuple[str, ...], dict[int, float | None]]:
    cells: dict[tuple[tuple[str, ...], int], list[Row]] = defaultdict(list)
    for row in rows:
        cells[_labels(row), whole(row["slot_ns"])].append(row)
    values: dict[tuple[str, ...], dict[int, float | None]] = defaultdict(dict)
    for (labels, slot_ns), found in cells.items():
        values[labels][slot_ns] = _quantile(found, known_as, quantile)
    return values


def _quantile(cells: Sequence[Row], known_as: Described, quantile: float) -> float | None:
    if known_as.type == "histogram":
        return of_bounds({float(str(c["bucket"])): whole(c["grown_by"]) for c in cells}, quantile)

    def side(sign: str) -> dict[int, int]:
        return {
            int(str(c["bucket"])): whole(c["grown_by"]) for c in cells if str(c["side"]) == sign
        }

    zeros = sum(side("0").values())
    return of_exponents(side("+"), side("-"), zeros, whole(cells[0]["scale"]), quantile)
