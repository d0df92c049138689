"""SQL with which ClickHouse itself decodes a spool segment; no record passes through Python.

One INSERT makes one block: all of a segment's rows or none of them get into a partition, and the
deduplication token then makes a repeated insert harmless. Attribute values become text: numbers and
booleans as written, bytes as base64, a list or map as JSON. A value nested deeper than one list or
map ends the query with NESTED_CODE; `flatten` turns such values into JSON text in the segment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import DATABASE, LOGS, METRICS, SPANS

SCHEMA_FILE: Final = Path(__file__).with_name("proto") / "segment.proto"
TABLES: Final = {Signal.TRACES: SPANS, Signal.METRICS: METRICS, Signal.LOGS: LOGS}
NESTED_CODE: Final = 395  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
_LATEST: Final = 2**63 - 1
_NO_TRACE = f"unhex('{'00' * 16}')"
_NO_SPAN = f"unhex('{'00' * 8}')"

_KINDS = "Enum8('n' = 0, 's' = 1, 'b' = 2, 'i' = 3, 'd' = 4, 'l' = 5, 'm' = 6, 'y' = 7)"
_MAYBE = "Nullable(String)"


def _any(items: str, pairs: str) -> str:
    """Numbers are read as text, so that no step has to convert them; what is unset is NULL."""
    return (
        f"Tuple(t {_KINDS}, s {_MAYBE}, b {_MAYBE}, i {_MAYBE}, d {_MAYBE}, "
        f"l {items}, m {pairs}, y {_MAYBE})"
    )


_INNER = _any("String", "String")
_ANY = _any(f"Tuple(v Array({_INNER}))", f"Tuple(v Array(Tuple(k String, v {_INNER})))")
_ATTRIBUTES = f"Array(Tuple(k String, v {_ANY}))"
_FLAT = f"Array(Tuple(k String, v {_INNER}))"
_SCOPE = f"Tuple(name String, version String, attributes {_FLAT})"


def _request(resources: str, scopes: str, entries: str, entry: str) -> str:
    return (
        f"request Tuple({resources} Array(Tuple(resource Tuple(attributes {_ATTRIBUTES}), "
        f"{scopes} Array(Tuple(scope {_SCOPE}, {entries} Array({entry}))))))"
    )


_SPAN = (
    "Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, "
    "name String, kind Int32, start_time_unix_nano UInt64, end_time_unix_nano UInt64, "
    f"attributes {_ATTRIBUTES}, "
    f"events Array(Tuple(time_unix_nano UInt64, name String, attributes {_FLAT})), "
    "links Array(Tuple(trace_id String, span_id String, trace_state String, "
    f"attributes {_FLAT})), status Tuple(message String, code Int32), flags UInt32)"
)
_LOG = (
    "Tuple(time_unix_nano UInt64, severity_number Int32, severity_text String, "
    f"body {_ANY}, attributes {_ATTRIBUTES}, flags UInt32, trace_id String, span_id String, "
    "observed_time_unix_nano UInt64, event_name String)"
)
_NUMBER = (
    "value Enum8('unset' = 0, 'as_double' = {double}, 'as_int' = 6), "
    "as_double Float64, as_int Int64"
)
_EXEMPLARS = (
    f"exemplars Array(Tuple(time_unix_nano UInt64, {_NUMBER.format(double=3)}, span_id String, "
    f"trace_id String, filtered_attributes {_FLAT}))"
)
_POINT = f"attributes {_FLAT}, start_time_unix_nano UInt64, time_unix_nano UInt64, flags UInt32"
_MEASURED = (
    "count UInt64, sum Nullable(Float64), min Nullable(Float64), max Nullable(Float64), "
    f"{_EXEMPLARS}"
)
_BUCKETS = "Tuple(offset Int32, bucket_counts Array(UInt64))"
_NUMBERS = f"data_points Array(Tuple({_POINT}, {_NUMBER.format(double=4)}, {_EXEMPLARS}))"
_METRIC = (
    "Tuple(name String, description String, unit String, "
    "data Enum8('unset' = 0, 'gauge' = 5, 'sum' = 7, 'histogram' = 9, "
    "'exponential_histogram' = 10, 'summary' = 11), "
    f"gauge Tuple({_NUMBERS}), "
    f"sum Tuple({_NUMBERS}, aggregation_temporality Int32, is_monotonic Bool), "
    f"histogram Tuple(data_points Array(Tuple({_POINT}, {_MEASURED}, "
    "bucket_counts Array(UInt64), explicit_bounds Array(Float64))), "
    "aggregation_temporality Int32), "
    f"exponential_histogram Tuple(data_points Array(Tuple({_POINT}, {_MEASURED}, scale Int32, "
    f"zero_count UInt64, zero_threshold Float64, positive {_BUCKETS}, negative {_BUCKETS})), "
    "aggregation_temporality Int32), "
    f"summary Tuple(data_points Array(Tuple({_POINT}, count UInt64, sum Float64, "
    "quantile_values Array(Tuple(quantile Float64, value Float64))))))"
)

STRUCTURES: Final = {
    Signal.TRACES: _request("resource_spans", "scope_spans", "spans", _SPAN),
    Signal.LOGS: _request("resource_logs", "scope_logs", "log_records", _LOG),
    Signal.METRICS: _request("resource_metrics", "scope_metrics", "metrics", _METRIC),
}


def _scalar(value: str) -> str:
    text = ", ".join(f"{value}.{field}" for field in "sidb")
    return f"coalesce({text}, base64Encode({value}.y), '')"


def _json(value: str) -> str:
    """JSON of a value within a list or map; NaN and the infinities, which JSON lacks, as text."""
    return f"""multiIf(
        {value}.t IN ('s', 'y') OR {value}.d IN ('nan', 'inf', '-inf'),
            toJSONString({_scalar(value)}),
        {value}.t = 'n', 'null',
        if(throwIf({value}.t IN ('l', 'm'), 'nested') = 0, {_scalar(value)}, ''))"""


def _text(value: str) -> str:
    items = f"arrayConcat({value}.l.v, {value}.m.v.v)"
    keys = (
        f"arrayConcat(arrayMap(x -> '', {value}.l.v), "
        f"arrayMap(x -> concat(toJSONString(x), ':'), {value}.m.v.k))"
    )
    return f"""if({value}.t IN ('l', 'm'), concat(
            if({value}.t = 'l', '[', '{{'),
            arrayStringConcat(arrayMap((k, i) -> concat(k, {_json("i")}), {keys}, {items}), ','),
            if({value}.t = 'l', ']', '}}')),
        {_scalar(value)})"""


def _map(attributes: str) -> str:
    return f"mapFromArrays({attributes}.k, arrayMap(a -> {_text('a')}, {attributes}.v))"


def _flat_map(attributes: str) -> str:
    """Where lists and maps are rare, they are left to `flatten`; the type stays small."""
    nested = "throwIf(a.t IN ('l', 'm'), 'nested') = 0"
    scalars = f"arrayMap(a -> if({nested}, {_scalar('a')}, ''), {attributes}.v)"
    return f"mapFromArrays({attributes}.k, {scalars})"


def _id(raw: str) -> str:
    """Lower hex; OTLP's all-zero id means none."""
    return f"if({raw} IN ({_NO_TRACE}, {_NO_SPAN}), '', lower(hex({raw})))"


def _time(nanoseconds: str) -> str:
    return f"fromUnixTimestamp64Nano(toInt64(least({nanoseconds}, {_LATEST})), 'UTC')"


def _time_or_now(*candidates: str) -> str:
    """A record without a time happened, as far as anyone knows, when it is stored."""
    cases = "".join(f"{each} > 0, {_time(each)}, " for each in candidates)
    return f"multiIf({cases}now64(9, 'UTC'))"


_SERVICE = "if(resource['service.name'] = '', 'unknown_service', resource['service.name'])"


def _entries(source: str, resources: str, scopes: str, entries: str) -> str:
    """One row an entry, beside its resource and scope; maps are made before rows multiply."""
    return f"""
    FROM (SELECT resource, ss.scope.name AS scope_name, ss.scope.version AS scope_version,
            {_flat_map("ss.scope.attributes")} AS scope, arrayJoin(ss.{entries}) AS e
        FROM (SELECT {_map("rs.resource.attributes")} AS resource, arrayJoin(rs.{scopes}) AS ss
            FROM (SELECT arrayJoin(request.{resources}) AS rs FROM {source})))"""  # noqa: S608 - names from this module


_SCOPED = "resource, scope_name, scope_version"

_SELECTS: Final = {
    Signal.TRACES: (
        "Timestamp, TraceId, SpanId, ParentSpanId, TraceState, TraceFlags, SpanName, SpanKind, "
        "ServiceName, ResourceAttributes, ScopeName, ScopeVersion, ScopeAttributes, "
        "SpanAttributes, DurationNs, StatusCode, StatusMessage, Events.Timestamp, Events.Name, "
        "Events.Attributes, Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes",
        f"""SELECT {_time_or_now("e.start_time_unix_nano")},
        {_id("e.trace_id")}, {_id("e.span_id")}, {_id("e.parent_span_id")}, e.trace_state, e.flags,
        e.name, transform(e.kind, [1, 2, 3, 4, 5],
            ['internal', 'server', 'client', 'producer', 'consumer'], 'unspecified'),
        {_SERVICE}, {_SCOPED}, scope, {_map("e.attributes")},
        if(e.end_time_unix_nano > e.start_time_unix_nano,
            e.end_time_unix_nano - e.start_time_unix_nano, 0),
        transform(e.status.code, [1, 2], ['ok', 'error'], 'unset'), e.status.message,
        arrayMap(v -> {_time("v.time_unix_nano")}, e.events), e.events.name,
        arrayMap(v -> {_flat_map("v.attributes")}, e.events),
        arrayMap(l -> {_id("l.trace_id")}, e.links), arrayMap(l -> {_id("l.span_id")}, e.links),
        e.links.trace_state, arrayMap(l -> {_flat_map("l.attributes")}, e.links)""",
        ("resource_spans", "scope_spans", "spans"),
    ),
    Signal.LOGS: (
        "Timestamp, ObservedTimestamp, TraceId, SpanId, TraceFlags, SeverityText, "
        "SeverityNumber, ServiceName, Body, EventName, ResourceAttributes, ScopeName, "
        "ScopeVersion, ScopeAttributes, LogAttributes",
        f"""SELECT {_time_or_now("e.time_unix_nano", "e.observed_time_unix_nano")},
        {_time_or_now("e.observed_time_unix_nano", "e.time_unix_nano")},
        {_id("e.trace_id")}, {_id("e.span_id")}, e.flags, e.severity_text,
        toUInt8(greatest(0, least(e.severity_number, 255))), {_SERVICE}, {_text("e.body")},
        e.event_name, {_SCOPED}, scope, {_map("e.attributes")}""",
        ("resource_logs", "scope_logs", "log_records"),
    ),
}


def _exemplars(each: str) -> str:
    return f"""arrayMap(x -> {_time("x.time_unix_nano")}, {each}),
        arrayMap(x -> {_number("x")}, {each}), arrayMap(x -> {_id("x.trace_id")}, {each}),
        arrayMap(x -> {_id("x.span_id")}, {each}),
        arrayMap(x -> {_flat_map("x.filtered_attributes")}, {each})"""


def _number(point: str) -> str:
    """NaN when no value was recorded: unknown is not zero."""
    return (
        f"multiIf({point}.value = 'as_double', {point}.as_double, "
        f"{point}.value = 'as_int', toFloat64({point}.as_int), nan)"
    )


_NO_COUNTS = "CAST([], 'Array(UInt64)')"
_NO_FLOATS = "CAST([], 'Array(Float64)')"
_POINT_COLUMNS = (
    "Value, Count, Sum, Min, Max, BucketBounds, BucketCounts, Scale, ZeroCount, ZeroThreshold, "
    "PositiveOffset, PositiveCounts, NegativeOffset, NegativeCounts, Quantiles, QuantileValues, "
    "Exemplars.Timestamp, Exemplars.Value, Exemplars.TraceId, Exemplars.SpanId, "
    "Exemplars.Attributes"
)
_PLAIN = (
    f"toInt32(0), toUInt64(0), toFloat64(0), toInt32(0), {_NO_COUNTS}, toInt32(0), {_NO_COUNTS}"
)
_NO_QUANTILES = f"{_NO_FLOATS}, {_NO_FLOATS}"
_MEASURES = "toFloat64(0), p.count, ifNull(p.sum, nan), ifNull(p.min, nan), ifNull(p.max, nan)"


def _point(exemplars: str, values: str) -> str:
    """The same tuple for every kind of point, so that they stand in one array."""
    return (
        f"(p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.flags, {exemplars}, {values})"
    )


_POINTS: Final = {
    "arrayConcat(e.gauge.data_points, e.sum.data_points)": _point(
        "p.exemplars",
        f"{_number('p')}, toUInt64(0), toFloat64(0), toFloat64(0), toFloat64(0), {_NO_FLOATS}, "
        f"{_NO_COUNTS}, {_PLAIN}, {_NO_QUANTILES}",
    ),
    "e.histogram.data_points": _point(
        "p.exemplars",
        f"{_MEASURES}, p.explicit_bounds, p.bucket_counts, {_PLAIN}, {_NO_QUANTILES}",
    ),
    "e.exponential_histogram.data_points": _point(
        "p.exemplars",
        f"{_MEASURES}, {_NO_FLOATS}, {_NO_COUNTS}, p.scale, p.zero_count, p.zero_threshold, "
        "p.positive.offset, p.positive.bucket_counts, p.negative.offset, "
        f"p.negative.bucket_counts, {_NO_QUANTILES}",
    ),
    "e.summary.data_points": _point(
        "emptyArrayToSingle(e.gauge.data_points)[1].exemplars",
        f"toFloat64(0), p.count, p.sum, nan, nan, {_NO_FLOATS}, {_NO_COUNTS}, {_PLAIN}, "
        "p.quantile_values.quantile, p.quantile_values.value",
    ),
}


def _metrics_select(source: str) -> str:
    points = ", ".join(f"arrayMap(p -> {point}, {array})" for array, point in _POINTS.items())
    values = ", ".join(f"q.{index}" for index in range(6, 22))
    entries = _entries(source, "resource_metrics", "scope_metrics", "metrics")
    return f"""SELECT {_time_or_now("q.3")}, {_time("q.2")}, {_SERVICE}, name, description, unit,
        if(data = 'unset', '', toString(data)), transform(temporality, [1, 2],
            ['delta', 'cumulative'], 'unspecified'), monotonic, {_flat_map("q.1")}, {_SCOPED}, q.4,
        {values}, {_exemplars("q.5")}
    FROM (SELECT resource, scope_name, scope_version, e.name AS name,
            e.description AS description, e.unit AS unit, e.data AS data,
            e.sum.aggregation_temporality + e.histogram.aggregation_temporality
                + e.exponential_histogram.aggregation_temporality AS temporality,
            e.sum.is_monotonic AS monotonic, arrayJoin(arrayConcat({points})) AS q
        {entries})"""  # noqa: S608 - names from this module


_METRIC_COLUMNS = (
    "Timestamp, StartTimestamp, ServiceName, MetricName, MetricDescription, MetricUnit, "
    "MetricType, Temporality, IsMonotonic, Attributes, ResourceAttributes, ScopeName, "
    f"ScopeVersion, Flags, {_POINT_COLUMNS}"
)

# One block an insert (no limit that would cut it), in the order of the file, from one thread.
_SETTINGS = (
    "max_threads = 1, max_insert_threads = 1, max_block_size = 65536, "
    "max_insert_block_size = 1000000000, min_insert_block_size_rows = 1000000000, "
    "min_insert_block_size_bytes = 0, max_partitions_per_insert_block = 0, "
    "insert_deduplicate = 1, deduplicate_blocks_in_dependent_materialized_views = 1, "
    "input_format_protobuf_oneof_presence = 1, output_format_json_escape_forward_slashes = 0"
)


def insert_statement(signal: Signal, segment: Path, token: str) -> str:
    """Decodes and inserts a whole segment. Repeating it with the same token changes nothing."""
    source = f"file({_quoted(str(segment))}, 'Protobuf', {_quoted(STRUCTURES[signal])})"
    schema = f"format_schema = {_quoted(f'{SCHEMA_FILE}:{_message(signal)}')}"
    return _insert(signal, f"{DATABASE}.{TABLES[signal]}", source, schema, token)


def sent_insert_statement(signal: Signal, table: str, token: str) -> str:
    """The same for a server that gets the segment as the body of the request."""
    schema = (
        "format_schema_source = 'string', "
        f"format_schema_message_name = {_quoted(_message(signal))}, "
        f"format_schema = {_quoted(SCHEMA_FILE.read_text(encoding='utf-8'))}"
    )
    source = f"input({_quoted(STRUCTURES[signal])})"
    return f"{_insert(signal, table, source, schema, token)}\nFORMAT Protobuf"


def _message(signal: Signal) -> str:
    return f"{signal.value.title()}Record"


def _insert(signal: Signal, table: str, source: str, schema: str, token: str) -> str:
    if signal is Signal.METRICS:
        columns, select = _METRIC_COLUMNS, _metrics_select(source)
    else:
        columns, projection, path = _SELECTS[signal]
        select = f"{projection}{_entries(source, *path)}"
    return (
        f"INSERT INTO {table} ({columns}) {select}\n"
        f"SETTINGS {schema}, insert_deduplication_token = {_quoted(token)}, {_SETTINGS}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
