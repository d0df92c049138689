"""Types of what ClickHouse reads from a segment; their protobuf is `proto/segment.proto`."""

from __future__ import annotations

from typing import Final

from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema.inserted import VALUE_TYPE

_MAYBE = "Nullable(String)"


def _any(items: str, pairs: str) -> str:
    """Numbers are read as text, so that no step has to convert them; what is unset is NULL."""
    return (
        f"t {VALUE_TYPE}, s {_MAYBE}, b {_MAYBE}, i {_MAYBE}, d {_MAYBE}, "
        f"l {items}, m {pairs}, y {_MAYBE}"
    )


_ITEM = f"Tuple({_any('String', 'String')})"
_FLAT_ANY = f"Tuple({_any('String', 'String')}, j {_MAYBE})"
_LISTS = _any(f"Tuple(v Array({_ITEM}))", f"Tuple(v Array(Tuple(k String, v {_ITEM})))")
_ANY = f"Tuple({_LISTS}, j {_MAYBE})"
_ATTRIBUTES = f"Array(Tuple(k String, v {_ANY}))"
_FLAT = f"Array(Tuple(k String, v {_FLAT_ANY}))"
_SCOPE = f"Tuple(name String, version String, attributes {_FLAT}, dropped_attributes_count UInt32)"
_RESOURCE = (
    f"Tuple(attributes {_ATTRIBUTES}, dropped_attributes_count UInt32, entity_refs Array(Tuple("
    "schema_url String, type String, id_keys Array(String), description_keys Array(String))))"
)


def _request(resources: str, scopes: str, entries: str, entry: str) -> str:
    return (
        f"source String, request Tuple({resources} Array(Tuple(resource {_RESOURCE}, "
        f"{scopes} Array(Tuple(scope {_SCOPE}, {entries} Array({entry}), schema_url String)), "
        "schema_url String)))"
    )


_SPAN = (
    "Tuple(trace_id String, span_id String, trace_state String, parent_span_id String, "
    "name String, kind Int32, start_time_unix_nano UInt64, end_time_unix_nano UInt64, "
    f"attributes {_ATTRIBUTES}, dropped_attributes_count UInt32, "
    f"events Array(Tuple(time_unix_nano UInt64, name String, attributes {_FLAT}, "
    "dropped_attributes_count UInt32)), dropped_events_count UInt32, "
    "links Array(Tuple(trace_id String, span_id String, trace_state String, "
    f"attributes {_FLAT}, dropped_attributes_count UInt32, flags UInt32)), "
    "dropped_links_count UInt32, status Tuple(message String, code Int32), flags UInt32)"
)
_LOG = (
    "Tuple(time_unix_nano UInt64, severity_number Int32, severity_text String, "
    f"body {_ANY}, attributes {_ATTRIBUTES}, dropped_attributes_count UInt32, flags UInt32, "
    "trace_id String, span_id String, observed_time_unix_nano UInt64, event_name String)"
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
    "quantile_values Array(Tuple(quantile Float64, value Float64))))), "
    f"metadata {_FLAT})"
)

STRUCTURES: Final = {
    Signal.TRACES: _request("resource_spans", "scope_spans", "spans", _SPAN),
    Signal.LOGS: _request("resource_logs", "scope_logs", "log_records", _LOG),
    Signal.METRICS: _request("resource_metrics", "scope_metrics", "metrics", _METRIC),
}
