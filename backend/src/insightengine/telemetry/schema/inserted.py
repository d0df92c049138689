"""Tables that segments are inserted into. Why they are so, with figures: docs/concepts/storage.md.

Maps keep every attribute value as text; nested values are JSON. Ids are lower hex, '' when absent.
Codecs are the part's own: quick ones for what was just inserted, small ones once it is merged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.layout import Table

_TIME = "DateTime64(9, 'UTC') CODEC(Delta(8), Default)"
_ATTRIBUTES = "Map(LowCardinality(String), String) CODEC(Default)"
_NAME = "LowCardinality(String) CODEC(Default)"
_TEXT = "String CODEC(Default)"
# A page of rare matches reads whole granules and, of each column, whole compressed blocks: 1024
# rows and 16 KiB make that a fifth of the work, for 6 % more bytes.
FINE_BLOCKS: Final = "min_compress_block_size = 16384"
FINE: Final = f"index_granularity = 1024, {FINE_BLOCKS}"
# What one insert brings is one file instead of one for each column: less to create and to fsync.
# A full batch of spans is 86 MB by this measure, one of log records 95.
ONE_FILE: Final = "min_bytes_for_wide_part = 134217728"
ON_TRACE: Final = "cityHash64(TraceId)"
BODY_INDEX: Final = "body_text"
# An attribute that is exactly something: which granules may hold its value, 5 bytes a record.
VALUE_INDEXES: Final = {
    "attribute_values": "mapValues({map}) TYPE bloom_filter(0.001) GRANULARITY 1",
    "resource_values": "mapValues(ResourceAttributes) TYPE bloom_filter(0.001) GRANULARITY 1",
}
VALUE_MAPS: Final = {names.LOGS: "LogAttributes", names.SPANS: "SpanAttributes"}
# Made by the first merge of a part: what is not merged yet is seconds of records, read whole.
MADE_BY_MERGES: Final = (BODY_INDEX, *VALUE_INDEXES)


def value_indexes(table: str) -> tuple[tuple[str, str], ...]:
    """Names and definitions."""
    return tuple(
        (name, definition.format(map=VALUE_MAPS[table]))
        for name, definition in VALUE_INDEXES.items()
    )


def _indexes(table: str) -> str:
    return _lines(f"INDEX {name} {what}" for name, what in value_indexes(table))


def _lines(definitions: Iterable[str]) -> str:
    return ",\n    ".join(definitions)


# Of an attribute's value: unset, string, bool, int, double, list, map, bytes, and JSON of a list or
# map that is nested deeper.
VALUE_TYPE: Final = (
    "Enum8('n' = 0, 's' = 1, 'b' = 2, 'i' = 3, 'd' = 4, 'l' = 5, 'm' = 6, 'y' = 7, 'j' = 100)"
)
EXACT: Final = "Map(LowCardinality(String), String)"
# `ValueTypes` are of all values of the row, in the order of its columns; `Exact` has, by their name
# in OTLP, fields whose column says something else: docs/concepts/ingest.md. `IngestSource` is
# whose ingest key the sender gave.
_FIDELITY = f"""
    ValueTypes Array({VALUE_TYPE}) CODEC(Default),
    Exact {EXACT} CODEC(Default),
    IngestSource {_NAME}"""

# A resource is told with thousands of entries, so that its values are few.
RESOURCE_MAP: Final = "Map(LowCardinality(String), LowCardinality(String))"
_ORIGIN = f"""
    ResourceAttributes {RESOURCE_MAP} CODEC(Default),
    ResourceSchemaUrl {_NAME},
    ResourceDroppedAttributesCount UInt32 CODEC(Default),
    ScopeName {_NAME},
    ScopeVersion {_NAME},
    ScopeAttributes {_ATTRIBUTES},
    ScopeSchemaUrl {_NAME},
    ScopeDroppedAttributesCount UInt32 CODEC(Default),"""
# Entries of the platform itself: what its parts say, and what the edge serves for them.
_OWN_SITES = ", ".join(f"'{site}'" for site in ("", *names.OWN_SITES))
OWN: Final = f"ResourceAttributes['service.namespace'] = '{names.OWN_NAMESPACE}'"
OWN_LOG: Final = (
    f"{OWN} AND NOT "
    f"(ServiceName = '{names.EDGE_SERVICE}' AND LogAttributes['site'] NOT IN ({_OWN_SITES}))"
)


def marks(own: str) -> tuple[str, ...]:
    """Columns of what views ask of every row, found once; older rows have it by the expression."""
    name = "LowCardinality(String) DEFAULT ResourceAttributes"
    return (
        f"Release {name}['service.version'] CODEC(Default)",
        f"Colour {name}['insight.colour'] CODEC(Default)",
        f"IsOwn UInt8 DEFAULT {own} CODEC(Default)",
    )


LOGS_TABLE: Final = Table(
    names.LOGS,
    f"""
    Timestamp {_TIME},
    ObservedTimestamp {_TIME},
    TraceId {_TEXT},
    SpanId {_TEXT},
    TraceFlags UInt32 CODEC(Default),
    SeverityText {_NAME},
    SeverityNumber UInt8 CODEC(Default),
    ServiceName {_NAME},
    Body {_TEXT},
    EventName {_NAME},{_ORIGIN}
    LogAttributes {_ATTRIBUTES},
    DroppedAttributesCount UInt32 CODEC(Default),{_FIDELITY},
    {_lines(marks(OWN_LOG))},
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 8,
    INDEX {BODY_INDEX} lower(Body) TYPE text(tokenizer = 'splitByNonAlpha'),
    {_indexes(names.LOGS)}""",
    order_by="toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp",
    settings=f"{FINE}, {ONE_FILE}",
    cools=True,
)

SPANS_TABLE: Final = Table(
    names.SPANS,
    f"""
    Timestamp {_TIME},
    TraceId {_TEXT},
    SpanId {_TEXT},
    ParentSpanId {_TEXT},
    TraceState {_TEXT},
    TraceFlags UInt32 CODEC(Default),
    SpanName {_NAME},
    SpanKind {_NAME},
    ServiceName {_NAME},{_ORIGIN}
    SpanAttributes {_ATTRIBUTES},
    DroppedAttributesCount UInt32 CODEC(Default),
    DurationNs UInt64 CODEC(T64, Default),
    StatusCode {_NAME},
    StatusMessage {_TEXT},
    Events Nested (
        Timestamp DateTime64(9, 'UTC'),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String),
        DroppedAttributesCount UInt32
    ) CODEC(Default),
    DroppedEventsCount UInt32 CODEC(Default),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String),
        DroppedAttributesCount UInt32,
        Flags UInt32
    ) CODEC(Default),
    DroppedLinksCount UInt32 CODEC(Default),{_FIDELITY},
    {_lines(marks(OWN))},
    {_indexes(names.SPANS)}""",
    order_by="toStartOfFiveMinutes(Timestamp), TraceId, Timestamp",
    settings=f"{FINE}, {ONE_FILE}",
    spread=ON_TRACE,
    cools=True,
)

SERIES_ID: Final = (
    "cityHash64(MetricName, ServiceName, MetricType, mapSort(Attributes), "
    "mapSort(ResourceAttributes))"
)

METRICS_TABLE: Final = Table(
    names.METRICS,
    f"""
    Timestamp DateTime64(9, 'UTC') CODEC(DoubleDelta, Default),
    StartTimestamp {_TIME},
    ServiceName {_NAME},
    MetricName {_NAME},
    MetricDescription {_NAME},
    MetricUnit {_NAME},
    MetricType {_NAME},
    Temporality {_NAME},
    IsMonotonic Bool CODEC(Default),
    Attributes {_ATTRIBUTES},{_ORIGIN}
    SeriesId UInt64 DEFAULT {SERIES_ID} CODEC(Default),
    Flags UInt32 CODEC(Default),
    Value Float64 CODEC(Gorilla, Default),
    Count UInt64 CODEC(T64, Default),
    Sum Float64 CODEC(Default),
    Min Float64 CODEC(Default),
    Max Float64 CODEC(Default),
    BucketBounds Array(Float64) CODEC(Default),
    BucketCounts Array(UInt64) CODEC(Default),
    Scale Int32 CODEC(Default),
    ZeroCount UInt64 CODEC(Default),
    ZeroThreshold Float64 CODEC(Default),
    PositiveOffset Int32 CODEC(Default),
    PositiveCounts Array(UInt64) CODEC(Default),
    NegativeOffset Int32 CODEC(Default),
    NegativeCounts Array(UInt64) CODEC(Default),
    Quantiles Array(Float64) CODEC(Default),
    QuantileValues Array(Float64) CODEC(Default),
    Exemplars Nested (
        Timestamp DateTime64(9, 'UTC'),
        Value Float64,
        TraceId String,
        SpanId String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(Default),
    MetricMetadata {_ATTRIBUTES},{_FIDELITY}""",
    order_by="MetricName, ServiceName, toStartOfHour(Timestamp), SeriesId, Timestamp",
    settings=f"index_granularity = 8192, {ONE_FILE}",
    spread="SeriesId",
    cools=True,
)
