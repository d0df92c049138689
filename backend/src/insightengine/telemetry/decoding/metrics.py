"""What each column of a metric's points is made of.

Points of every kind become the same tuple, so that they stand in one array and one row is a point.
"""

from __future__ import annotations

from typing import Final

from insightengine.telemetry.decoding.columns import ENTITIES, ORIGIN, PATHS, Columns, entries
from insightengine.telemetry.decoding.values import (
    MOST_EXACT,
    Field,
    Pairs,
    absent_or_late,
    exact,
    flat_map,
    hex_id,
    late,
    pairs,
    pairs_of_each,
    time,
    time_or_now,
    types_of,
)
from insightengine.telemetry.port import Signal

_LARGE = f"{{0}} > {MOST_EXACT} OR {{0}} < -{MOST_EXACT}"
_NO_COUNTS = "CAST([], 'Array(UInt64)')"
_NO_FLOATS = "CAST([], 'Array(Float64)')"
_NO_BUCKETS = (
    f"toInt32(0), toUInt64(0), toFloat64(0), toInt32(0), {_NO_COUNTS}, toInt32(0), {_NO_COUNTS}"
)
_NO_QUANTILES = f"{_NO_FLOATS}, {_NO_FLOATS}"
_MEASURES = "toFloat64(0), p.count, ifNull(p.sum, nan), ifNull(p.min, nan), ifNull(p.max, nan)"


def _number(point: str) -> str:
    """NaN when no value was recorded: unknown is not zero."""
    return (
        f"multiIf({point}.value = 'as_double', {point}.as_double, "
        f"{point}.value = 'as_int', toFloat64({point}.as_int), nan)"
    )


def _number_type(point: str) -> str:
    return f"toInt8(multiIf({point}.value = 'as_int', 3, {point}.value = 'as_double', 4, 0))"


_NO_TYPES: Final = "CAST([], 'Array(Int8)')"
_NOTHING: Final = "CAST([], 'Array(Tuple(String, String))')"


def _found(*fields: Field) -> str:
    found = pairs(*fields)
    return f"if({found.is_any}, {found.found}, {_NOTHING})"


_EXACT_NUMBER: Final = _found(Field.number("as_int", "p.as_int", _LARGE))
# A NaN that was measured stands beside one that says that nothing was.
_EXACT_MEASURED: Final = _found(
    *(Field(name, f"ifNull(isNaN(p.{name}), 0)", "'nan'") for name in ("sum", "min", "max"))
)


def _point(exemplars: str, types: str, exactly: str, values: str) -> str:
    return (
        f"(p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.flags, {exemplars}, "
        f"{types}, {exactly}, {values})"
    )


_POINTS: Final = {
    "arrayConcat(e.gauge.data_points, e.sum.data_points)": _point(
        "p.exemplars",
        f"[{_number_type('p')}]",
        _EXACT_NUMBER,
        f"{_number('p')}, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), {_NO_FLOATS}, "
        f"{_NO_COUNTS}, {_NO_BUCKETS}, {_NO_QUANTILES}",
    ),
    "e.histogram.data_points": _point(
        "p.exemplars",
        _NO_TYPES,
        _EXACT_MEASURED,
        f"{_MEASURES}, p.explicit_bounds, p.bucket_counts, {_NO_BUCKETS}, {_NO_QUANTILES}",
    ),
    "e.exponential_histogram.data_points": _point(
        "p.exemplars",
        _NO_TYPES,
        _EXACT_MEASURED,
        f"{_MEASURES}, {_NO_FLOATS}, {_NO_COUNTS}, p.scale, p.zero_count, p.zero_threshold, "
        "p.positive.offset, p.positive.bucket_counts, p.negative.offset, "
        f"p.negative.bucket_counts, {_NO_QUANTILES}",
    ),
    "e.summary.data_points": _point(
        "emptyArrayToSingle(e.gauge.data_points)[1].exemplars",
        _NO_TYPES,
        _NOTHING,
        f"toFloat64(0), p.count, p.sum, nan, nan, {_NO_FLOATS}, {_NO_COUNTS}, {_NO_BUCKETS}, "
        "p.quantile_values.quantile, p.quantile_values.value",
    ),
}
_VALUES: Final = (
    *("Value", "Count", "Sum", "Min", "Max", "BucketBounds", "BucketCounts", "Scale"),
    *("ZeroCount", "ZeroThreshold", "PositiveOffset", "PositiveCounts", "NegativeOffset"),
    *("NegativeCounts", "Quantiles", "QuantileValues"),
)
_FIRST_VALUE: Final = 8

METRIC_COLUMNS: Final[Columns] = {
    "Timestamp": time_or_now("q.3"),
    "StartTimestamp": time("q.2"),
    "MetricName": "name",
    "MetricDescription": "description",
    "MetricUnit": "unit",
    "MetricMetadata": "metadata",
    "MetricType": "if(data = 'unset', '', toString(data))",
    "Temporality": "transform(temporality, [1, 2], ['delta', 'cumulative'], 'unspecified')",
    "IsMonotonic": "monotonic",
    "Attributes": flat_map("q.1"),
    **ORIGIN,
    "Flags": "q.4",
    **{name: f"q.{number}" for number, name in enumerate(_VALUES, _FIRST_VALUE)},
    "Exemplars.Timestamp": f"arrayMap(x -> {time('x.time_unix_nano')}, q.5)",
    "Exemplars.Value": f"arrayMap(x -> {_number('x')}, q.5)",
    "Exemplars.TraceId": f"arrayMap(x -> {hex_id('x.trace_id')}, q.5)",
    "Exemplars.SpanId": f"arrayMap(x -> {hex_id('x.span_id')}, q.5)",
    "Exemplars.Attributes": f"arrayMap(x -> {flat_map('x.filtered_attributes')}, q.5)",
    "ValueTypes": f"arrayConcat(types, {types_of('q.1')}, q.6, arrayFlatten(arrayMap(x -> "
    f"arrayPushFront({types_of('x.filtered_attributes')}, {_number_type('x')}), q.5)))",
    "Exact": exact(
        ENTITIES,
        pairs(
            Field.number("aggregation_temporality", "temporality", "{} NOT BETWEEN 0 AND 2"),
            absent_or_late("time_unix_nano", "q.3"),
            late("start_time_unix_nano", "q.2"),
        ),
        Pairs("notEmpty(q.7)", "q.7"),
        pairs_of_each(
            "exemplars",
            "q.5",
            late("time_unix_nano", "x.time_unix_nano"),
            Field.number("as_int", "x.as_int", _LARGE),
            Field.id("trace_id", "x.trace_id"),
            Field.id("span_id", "x.span_id"),
        ),
    ),
}


def points(source: str) -> str:
    """One row a point, `q`, beside its metric, resource and scope."""
    each = ", ".join(f"arrayMap(p -> {point}, {array})" for array, point in _POINTS.items())
    return f"""
    FROM (SELECT ingest_source, service, resource, resource_url, resource_dropped, entities,
            scope_name, scope_version, scope, scope_url, scope_dropped, e.name AS name,
            e.description AS description, e.unit AS unit, {flat_map("e.metadata")} AS metadata,
            arrayConcat(types, {types_of("e.metadata")}) AS types, e.data AS data,
            e.sum.aggregation_temporality + e.histogram.aggregation_temporality
                + e.exponential_histogram.aggregation_temporality AS temporality,
            e.sum.is_monotonic AS monotonic, arrayJoin(arrayConcat({each})) AS q
        {entries(source, *PATHS[Signal.METRICS])})"""
