"""Tables of the telemetry store, as versioned migrations. Owner of every name in the database.

Maps keep every attribute value as text; nested values are JSON. Ids are lower hex, '' when absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DATABASE: Final = "insight"
USER: Final = "insight"
LOGS: Final = "logs"
SPANS: Final = "spans"
METRICS: Final = "metrics"
TRACE_INDEX: Final = "trace_index"
EDGE_REQUESTS: Final = "edge_requests"
EDGE_SERVICE: Final = "edge"
OWN_NAMESPACE: Final = "insightengine"  # `service.namespace` of what the platform's own parts send
OWN_SITES: Final = ("console", "otlp")  # what the edge serves besides applications

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


@dataclass(frozen=True, slots=True)
class Migration:
    """Statements that are repeatable on their own: a kill between two of them does no harm."""

    version: int
    statements: tuple[str, ...]


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


MIGRATIONS: Final = (
    Migration(
        version=1,
        statements=(
            _table(LOGS, _LOGS_COLUMNS, "toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp"),
            _table(
                SPANS, _SPANS_COLUMNS, "ServiceName, SpanName, toDateTime(Timestamp), Timestamp"
            ),
            _table(
                METRICS,
                _METRICS_COLUMNS,
                "ServiceName, MetricName, toStartOfHour(Timestamp), cityHash64(Attributes), "
                "Timestamp",
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
        ),
    ),
)

_RETAINED: Final = {
    LOGS: "Timestamp",
    SPANS: "Timestamp",
    METRICS: "Timestamp",
    TRACE_INDEX: "Start",
    EDGE_REQUESTS: "Timestamp",
}

APPLIED_SQL: Final = "SELECT Version FROM insight.schema_migrations"
TABLE_DEFINITIONS_SQL: Final = (
    "SELECT name, engine_full FROM system.tables WHERE database = 'insight'"
)


def bootstrap_statements() -> tuple[str, ...]:
    """What must exist before the version can be asked."""
    return (
        f"CREATE DATABASE IF NOT EXISTS {DATABASE}",
        f"CREATE TABLE IF NOT EXISTS {DATABASE}.schema_migrations "
        "(Version UInt32, AppliedAt DateTime64(3, 'UTC') DEFAULT now64(3)) "
        "ENGINE = MergeTree ORDER BY Version",
    )


def pending(applied: frozenset[int]) -> tuple[Migration, ...]:
    """Migrations still to apply, in order."""
    return tuple(migration for migration in MIGRATIONS if migration.version not in applied)


def applied_statement(version: int) -> str:
    return f"INSERT INTO {DATABASE}.schema_migrations (Version) VALUES ({version:d})"  # noqa: S608


def retention_changes(days: int, definitions: Sequence[str]) -> tuple[str, ...]:
    """Makes `days` the retention where it is another; parts that are wholly older are dropped.

    `definitions` are the lines of TABLE_DEFINITIONS_SQL. A change rewrites what is known of every
    part, so it is left out where nothing changes.
    """
    present = dict(line.split("\t", 1) for line in definitions)
    wanted = f"toIntervalDay({days:d})"
    return tuple(
        f"ALTER TABLE {DATABASE}.{table} MODIFY TTL toDateTime({time}) + {wanted} DELETE"
        for table, time in _RETAINED.items()
        if wanted not in present.get(table, "")
    )
