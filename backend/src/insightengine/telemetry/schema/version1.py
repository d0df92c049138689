"""The first tables, as they were: what a migration starts from, and what tests make stores of."""

from __future__ import annotations

from typing import Final

from insightengine.telemetry.schema.names import (
    DATABASE,
    EDGE_REQUESTS,
    LOGS,
    METRICS,
    SPANS,
    TRACE_INDEX,
)

_TIME = "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"
_ATTRIBUTES = "Map(LowCardinality(String), String) CODEC(ZSTD(1))"
_NAME = "LowCardinality(String) CODEC(ZSTD(1))"
_TEXT = "String CODEC(ZSTD(1))"

_LOGS_COLUMNS = f"""
    Timestamp {_TIME},
    ObservedTimestamp {_TIME},
    TraceId {_TEXT},
    SpanId {_TEXT},
    TraceFlags UInt32 CODEC(ZSTD(1)),
    SeverityText {_NAME},
    SeverityNumber UInt8 CODEC(ZSTD(1)),
    ServiceName {_NAME},
    Body {_TEXT},
    EventName {_NAME},
    ScopeName {_NAME},
    ScopeVersion {_NAME},
    ScopeAttributes {_ATTRIBUTES},
    ResourceAttributes {_ATTRIBUTES},
    LogAttributes {_ATTRIBUTES},
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1"""

_SPANS_COLUMNS = f"""
    Timestamp {_TIME},
    TraceId {_TEXT},
    SpanId {_TEXT},
    ParentSpanId {_TEXT},
    TraceState {_TEXT},
    TraceFlags UInt32 CODEC(ZSTD(1)),
    SpanName {_NAME},
    SpanKind {_NAME},
    ServiceName {_NAME},
    ResourceAttributes {_ATTRIBUTES},
    ScopeName {_NAME},
    ScopeVersion {_NAME},
    ScopeAttributes {_ATTRIBUTES},
    SpanAttributes {_ATTRIBUTES},
    DurationNs UInt64 CODEC(T64, ZSTD(1)),
    StatusCode {_NAME},
    StatusMessage {_TEXT},
    Events Nested (
        Timestamp DateTime64(9, 'UTC'),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX duration DurationNs TYPE minmax GRANULARITY 1"""

_METRICS_COLUMNS = f"""
    Timestamp {_TIME},
    StartTimestamp {_TIME},
    ServiceName {_NAME},
    MetricName {_NAME},
    MetricDescription {_NAME},
    MetricUnit {_NAME},
    MetricType {_NAME},
    Temporality {_NAME},
    IsMonotonic Bool CODEC(ZSTD(1)),
    Attributes {_ATTRIBUTES},
    ResourceAttributes {_ATTRIBUTES},
    ScopeName {_NAME},
    ScopeVersion {_NAME},
    Flags UInt32 CODEC(ZSTD(1)),
    Value Float64 CODEC(ZSTD(1)),
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
    ) CODEC(ZSTD(1))"""

_TRACE_INDEX_COLUMNS = f"""
    TraceId {_TEXT},
    Start {_TIME},
    End {_TIME}"""

_EDGE_COLUMNS = f"""
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
    INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1"""

# A duration of 0.012 s in the access log is 12 ms; "0.010, 0.002" stands for two upstreams in turn.
_EDGE_SELECT = """
SELECT Timestamp,
    LogAttributes['site'] AS Site,
    LogAttributes['service'] AS Service,
    LogAttributes['release'] AS Release,
    LogAttributes['colour'] AS Colour,
    LogAttributes['method'] AS Method,
    LogAttributes['route'] AS Route,
    LogAttributes['path'] AS Path,
    toUInt16OrZero(LogAttributes['status']) AS Status,
    1000 * toFloat64OrZero(LogAttributes['duration_s']) AS DurationMs,
    1000 * arraySum(x -> toFloat64OrZero(x), extractAll(LogAttributes['upstream_s'], '[0-9.]+'))
        AS UpstreamMs,
    toUInt64OrZero(LogAttributes['bytes_sent']) AS BytesSent,
    TraceId,
    SpanId,
    LogAttributes['request_id'] AS RequestId,
    LogAttributes['client'] AS ClientAddress
FROM insight.logs WHERE ServiceName = 'edge' AND LogAttributes['status'] != ''"""


def _table(name: str, columns: str, order_by: str, time: str = "Timestamp") -> str:
    return f"""CREATE TABLE IF NOT EXISTS {DATABASE}.{name} ({columns}
) ENGINE = MergeTree PARTITION BY toDate({time}) ORDER BY ({order_by})
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1, fsync_part_directory = 1, max_suspicious_broken_parts = 1000"""


def _view(name: str, select: str) -> str:
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {DATABASE}.{name}_from "
        f"TO {DATABASE}.{name} AS {select}"
    )


STATEMENTS: Final = (
    _table(LOGS, _LOGS_COLUMNS, "toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp"),
    _table(SPANS, _SPANS_COLUMNS, "ServiceName, SpanName, toDateTime(Timestamp), Timestamp"),
    _table(
        METRICS,
        _METRICS_COLUMNS,
        "ServiceName, MetricName, toStartOfHour(Timestamp), cityHash64(Attributes), Timestamp",
    ),
    _table(TRACE_INDEX, _TRACE_INDEX_COLUMNS, "TraceId, Start", time="Start"),
    _table(EDGE_REQUESTS, _EDGE_COLUMNS, "toStartOfFiveMinutes(Timestamp), Timestamp"),
    _view(
        TRACE_INDEX,
        "SELECT TraceId, min(Timestamp) AS Start, "
        "max(addNanoseconds(Timestamp, DurationNs)) AS End "
        "FROM insight.spans WHERE TraceId != '' GROUP BY TraceId",
    ),
    _view(EDGE_REQUESTS, _EDGE_SELECT),
)
