"""The present tables. Why they are so, with figures: docs/concepts/storage.md.

Maps keep every attribute value as text; nested values are JSON. Ids are lower hex, '' when absent.
"""

from __future__ import annotations

from typing import Final

from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.layout import Table

_TIME = "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"
_MINUTE = "DateTime('UTC') CODEC(Delta(4), ZSTD(1))"
_ATTRIBUTES = "Map(LowCardinality(String), String) CODEC(ZSTD(1))"
_NAME = "LowCardinality(String) CODEC(ZSTD(1))"
_TEXT = "String CODEC(ZSTD(1))"
LARGE_BLOCKS: Final = "min_compress_block_size = 65536"
_ID = f"String CODEC(ZSTD(1)) SETTINGS ({LARGE_BLOCKS})"
_COUNT = "SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))"
_DURATIONS = "SimpleAggregateFunction(sumMap, Map(Int16, UInt64)) CODEC(ZSTD(1))"
_FIRST = "SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1))"
_LAST = "SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1))"
_ANY_NAME = "SimpleAggregateFunction(anyLast, String) CODEC(ZSTD(1))"
_ANY_MAP = "SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1))"
# A page of rare matches reads whole granules and, of each column, whole compressed blocks: 1024
# rows and 16 KiB make that a fifth of the work, for 4 % more bytes. Ids need larger blocks.
FINE_BLOCKS: Final = "min_compress_block_size = 16384"
_FINE: Final = f"index_granularity = 1024, {FINE_BLOCKS}"
_ON_TRACE: Final = "cityHash64(TraceId)"
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
    return ",\n    ".join(f"INDEX {name} {what}" for name, what in value_indexes(table))


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
    ValueTypes Array({VALUE_TYPE}) CODEC(ZSTD(1)),
    Exact {EXACT} CODEC(ZSTD(1)),
    IngestSource {_NAME}"""

_ORIGIN = f"""
    ResourceAttributes {_ATTRIBUTES},
    ResourceSchemaUrl {_NAME},
    ResourceDroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    ScopeName {_NAME},
    ScopeVersion {_NAME},
    ScopeAttributes {_ATTRIBUTES},
    ScopeSchemaUrl {_NAME},
    ScopeDroppedAttributesCount UInt32 CODEC(ZSTD(1)),"""

LOGS_TABLE: Final = Table(
    names.LOGS,
    f"""
    Timestamp {_TIME},
    ObservedTimestamp {_TIME},
    TraceId {_ID},
    SpanId {_ID},
    TraceFlags UInt32 CODEC(ZSTD(1)),
    SeverityText {_NAME},
    SeverityNumber UInt8 CODEC(ZSTD(1)),
    ServiceName {_NAME},
    Body {_TEXT},
    EventName {_NAME},{_ORIGIN}
    LogAttributes {_ATTRIBUTES},
    DroppedAttributesCount UInt32 CODEC(ZSTD(1)),{_FIDELITY},
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 8,
    INDEX {BODY_INDEX} lower(Body) TYPE text(tokenizer = 'splitByNonAlpha'),
    {_indexes(names.LOGS)}""",
    order_by="toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp",
    settings=_FINE,
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
    TraceFlags UInt32 CODEC(ZSTD(1)),
    SpanName {_NAME},
    SpanKind {_NAME},
    ServiceName {_NAME},{_ORIGIN}
    SpanAttributes {_ATTRIBUTES},
    DroppedAttributesCount UInt32 CODEC(ZSTD(1)),
    DurationNs UInt64 CODEC(T64, ZSTD(1)),
    StatusCode {_NAME},
    StatusMessage {_TEXT},
    Events Nested (
        Timestamp DateTime64(9, 'UTC'),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String),
        DroppedAttributesCount UInt32
    ) CODEC(ZSTD(1)),
    DroppedEventsCount UInt32 CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String),
        DroppedAttributesCount UInt32,
        Flags UInt32
    ) CODEC(ZSTD(1)),
    DroppedLinksCount UInt32 CODEC(ZSTD(1)),{_FIDELITY},
    {_indexes(names.SPANS)}""",
    order_by="toStartOfFiveMinutes(Timestamp), TraceId, Timestamp",
    settings=_FINE,
    spread=_ON_TRACE,
    cools=True,
)

SERIES_ID: Final = (
    "cityHash64(MetricName, ServiceName, MetricType, mapSort(Attributes), "
    "mapSort(ResourceAttributes))"
)

METRICS_TABLE: Final = Table(
    names.METRICS,
    f"""
    Timestamp DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    StartTimestamp {_TIME},
    ServiceName {_NAME},
    MetricName {_NAME},
    MetricDescription {_NAME},
    MetricUnit {_NAME},
    MetricType {_NAME},
    Temporality {_NAME},
    IsMonotonic Bool CODEC(ZSTD(1)),
    Attributes {_ATTRIBUTES},{_ORIGIN}
    SeriesId UInt64 DEFAULT {SERIES_ID} CODEC(ZSTD(1)),
    Flags UInt32 CODEC(ZSTD(1)),
    Value Float64 CODEC(Gorilla, ZSTD(1)),
    Count UInt64 CODEC(T64, ZSTD(1)),
    Sum Float64 CODEC(ZSTD(1)),
    Min Float64 CODEC(ZSTD(1)),
    Max Float64 CODEC(ZSTD(1)),
    BucketBounds Array(Float64) CODEC(ZSTD(1)),
    BucketCounts Array(UInt64) CODEC(ZSTD(1)),
    Scale Int32 CODEC(ZSTD(1)),
    ZeroCount UInt64 CODEC(ZSTD(1)),
    ZeroThreshold Float64 CODEC(ZSTD(1)),
    PositiveOffset Int32 CODEC(ZSTD(1)),
    PositiveCounts Array(UInt64) CODEC(ZSTD(1)),
    NegativeOffset Int32 CODEC(ZSTD(1)),
    NegativeCounts Array(UInt64) CODEC(ZSTD(1)),
    Quantiles Array(Float64) CODEC(ZSTD(1)),
    QuantileValues Array(Float64) CODEC(ZSTD(1)),
    Exemplars Nested (
        Timestamp DateTime64(9, 'UTC'),
        Value Float64,
        TraceId String,
        SpanId String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    MetricMetadata {_ATTRIBUTES},{_FIDELITY}""",
    order_by="MetricName, ServiceName, toStartOfHour(Timestamp), SeriesId, Timestamp",
    spread="SeriesId",
    cools=True,
)

_EDGE_REQUESTS: Final = Table(
    names.EDGE_REQUESTS,
    f"""
    Timestamp {_TIME},
    Site {_NAME},
    Service {_NAME},
    Release {_NAME},
    Colour {_NAME},
    Method {_NAME},
    Route {_NAME},
    Path {_TEXT},
    Status UInt16 CODEC(ZSTD(1)),
    DurationMs Float64 CODEC(ZSTD(1)),
    UpstreamMs Float64 CODEC(ZSTD(1)),
    BytesSent UInt64 CODEC(ZSTD(1)),
    TraceId {_TEXT},
    SpanId {_TEXT},
    RequestId {_TEXT},
    ClientAddress {_TEXT},
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1""",
    order_by="toStartOfFiveMinutes(Timestamp), Timestamp",
    spread=_ON_TRACE,
)

_REQUEST_MINUTES: Final = Table(
    names.REQUEST_MINUTES,
    f"""
    Minute {_MINUTE},
    Site {_NAME},
    Service {_NAME},
    Route {_NAME},
    Method {_NAME},
    Release {_NAME},
    Colour {_NAME},
    Requests {_COUNT},
    Errors {_COUNT},
    BytesSent {_COUNT},
    Durations {_DURATIONS}""",
    order_by="Minute, Site, Service, Route, Method, Release, Colour",
    day="toDate(Minute)",
    engine="AggregatingMergeTree()",
)

_OPERATION_MINUTES: Final = Table(
    names.OPERATION_MINUTES,
    f"""
    Minute {_MINUTE},
    ServiceName {_NAME},
    SpanKind {_NAME},
    SpanName {_NAME},
    Release {_NAME},
    Colour {_NAME},
    Calls {_COUNT},
    Errors {_COUNT},
    Durations {_DURATIONS}""",
    order_by="Minute, ServiceName, SpanKind, SpanName, Release, Colour",
    day="toDate(Minute)",
    engine="AggregatingMergeTree()",
)

_LOG_MINUTES: Final = Table(
    names.LOG_MINUTES,
    f"""
    Minute {_MINUTE},
    ServiceName {_NAME},
    SeverityNumber UInt8 CODEC(ZSTD(1)),
    Release {_NAME},
    Colour {_NAME},
    IsOwn UInt8 CODEC(ZSTD(1)),
    Entries {_COUNT},
    BodyBytes {_COUNT}""",
    order_by="Minute, ServiceName, SeverityNumber, Release, Colour, IsOwn",
    day="toDate(Minute)",
    engine="AggregatingMergeTree()",
)

_LOG_FACETS: Final = Table(
    names.LOG_FACETS,
    f"""
    Slot {_MINUTE},
    ServiceName {_NAME},
    IsOwn UInt8 CODEC(ZSTD(1)),
    Key {_NAME},
    Value {_TEXT},
    Entries {_COUNT}""",
    order_by="Slot, ServiceName, IsOwn, Key, Value",
    day="toDate(Slot)",
    engine="AggregatingMergeTree()",
)

_LOG_PATTERNS: Final = Table(
    names.LOG_PATTERNS,
    f"""
    Slot {_MINUTE},
    ServiceName {_NAME},
    SeverityNumber UInt8 CODEC(ZSTD(1)),
    IsOwn UInt8 CODEC(ZSTD(1)),
    Pattern {_TEXT},
    Entries {_COUNT}""",
    order_by="Slot, ServiceName, SeverityNumber, IsOwn, Pattern",
    day="toDate(Slot)",
    engine="AggregatingMergeTree()",
)

_EXCEPTIONS: Final = Table(
    names.EXCEPTIONS,
    f"""
    Timestamp {_TIME},
    ServiceName {_NAME},
    Release {_NAME},
    Colour {_NAME},
    Source {_NAME},
    GroupVersion UInt8 CODEC(ZSTD(1)),
    GroupId {_TEXT},
    Type {_NAME},
    Message {_TEXT},
    Stacktrace {_TEXT},
    TraceId {_TEXT},
    SpanId {_TEXT}""",
    order_by="toStartOfHour(Timestamp), ServiceName, GroupId, Timestamp",
    spread=_ON_TRACE,
)

_TRACE_INDEX: Final = Table(
    names.TRACE_INDEX,
    f"""
    TraceId {_TEXT},
    Start {_TIME},
    End {_TIME}""",
    order_by="TraceId, Start",
    day="toDate(Start)",
    settings=_FINE,
    spread=_ON_TRACE,
)

# `Root` is the least of (is no root, time, service, name): the root, or else the first span.
_TRACES: Final = Table(
    names.TRACES,
    f"""
    Slot {_MINUTE},
    TraceId {_TEXT},
    Start {_FIRST},
    End {_LAST},
    Root SimpleAggregateFunction(min, Tuple(UInt8, DateTime64(9, 'UTC'), String, String))
        CODEC(ZSTD(1)),
    Services SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
    Spans {_COUNT},
    Errors {_COUNT},
    IsOwn SimpleAggregateFunction(max, UInt8) CODEC(ZSTD(1))""",
    order_by="Slot, TraceId",
    day="toDate(Slot)",
    engine="AggregatingMergeTree()",
    spread=_ON_TRACE,
)

_SERIES: Final = Table(
    names.SERIES,
    f"""
    Day Date CODEC(ZSTD(1)),
    MetricName {_NAME},
    ServiceName {_NAME},
    SeriesId UInt64 CODEC(ZSTD(1)),
    MetricType {_ANY_NAME},
    MetricUnit {_ANY_NAME},
    MetricDescription {_ANY_NAME},
    Temporality {_ANY_NAME},
    IsMonotonic SimpleAggregateFunction(anyLast, Bool) CODEC(ZSTD(1)),
    Attributes {_ANY_MAP},
    ResourceAttributes {_ANY_MAP},
    First {_FIRST},
    Last {_LAST}""",
    order_by="Day, MetricName, ServiceName, SeriesId",
    day="Day",
    engine="AggregatingMergeTree()",
    spread="SeriesId",
)

_HOSTS: Final = Table(
    names.HOSTS,
    f"""
    Day Date CODEC(ZSTD(1)),
    Host {_TEXT},
    ServiceName {_NAME},
    Attributes {_ANY_MAP},
    First {_FIRST},
    Last {_LAST}""",
    order_by="Day, Host, ServiceName",
    day="Day",
    engine="AggregatingMergeTree()",
)

_RETENTION: Final = Table(
    names.RETENTION,
    f"""
    Signal {_NAME},
    ServiceName {_NAME},
    Days UInt32,
    ChangedAt DateTime64(6, 'UTC'),
    ChangedBy {_TEXT}""",
    order_by="Signal, ServiceName",
    day="",
    engine="ReplacingMergeTree(ChangedAt)",
)

_DELETIONS: Final = Table(
    names.DELETIONS,
    f"""
    Id {_TEXT},
    Version UInt32,
    ChangedAt DateTime64(6, 'UTC'),
    RequestedAt DateTime64(6, 'UTC'),
    RequestedBy {_TEXT},
    Filter {_TEXT},
    Start DateTime64(6, 'UTC'),
    End DateTime64(6, 'UTC'),
    State {_NAME},
    Detail {_TEXT},
    Deleted Map(LowCardinality(String), UInt64)""",
    order_by="Id",
    day="",
    engine="ReplacingMergeTree(Version)",
)

INSERTED: Final = (LOGS_TABLE, SPANS_TABLE, METRICS_TABLE)
DERIVED: Final = (
    _EDGE_REQUESTS,
    _REQUEST_MINUTES,
    _OPERATION_MINUTES,
    _LOG_MINUTES,
    _LOG_FACETS,
    _LOG_PATTERNS,
    _EXCEPTIONS,
    _TRACE_INDEX,
    _TRACES,
    _SERIES,
    _HOSTS,
)
DECIDED: Final = (_RETENTION, _DELETIONS)
TABLES: Final = (*INSERTED, *DERIVED, *DECIDED)
