"""Tables that are filled by views of inserted ones, and those of what people decide.

Their parts are small, and what is in them stays, so columns name their codec themselves.
"""

from __future__ import annotations

from typing import Final

from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.inserted import FINE, ON_TRACE
from insightengine.telemetry.schema.layout import Table

_TIME = "DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1))"
_MINUTE = "DateTime('UTC') CODEC(Delta(4), ZSTD(1))"
_NAME = "LowCardinality(String) CODEC(ZSTD(1))"
_TEXT = "String CODEC(ZSTD(1))"
_COUNT = "SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))"
_DURATIONS = "SimpleAggregateFunction(sumMap, Map(Int16, UInt64)) CODEC(ZSTD(1))"
_FIRST = "SimpleAggregateFunction(min, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1))"
_LAST = "SimpleAggregateFunction(max, DateTime64(9, 'UTC')) CODEC(Delta(8), ZSTD(1))"
_ANY_NAME = "SimpleAggregateFunction(anyLast, String) CODEC(ZSTD(1))"
_ANY_MAP = "SimpleAggregateFunction(anyLast, Map(String, String)) CODEC(ZSTD(1))"

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
    spread=ON_TRACE,
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

_SERVICE_MINUTES: Final = Table(
    names.SERVICE_MINUTES,
    f"""
    Minute {_MINUTE},
    Site {_NAME},
    Service {_NAME},
    Release {_NAME},
    Colour {_NAME},
    Requests {_COUNT},
    Errors {_COUNT},
    BytesSent {_COUNT},
    Durations {_DURATIONS}""",
    order_by="Minute, Site, Service, Release, Colour",
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
    spread=ON_TRACE,
)

_TRACE_INDEX: Final = Table(
    names.TRACE_INDEX,
    f"""
    TraceId {_TEXT},
    Start {_TIME},
    End {_TIME}""",
    order_by="TraceId, Start",
    day="toDate(Start)",
    settings=FINE,
    spread=ON_TRACE,
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
    spread=ON_TRACE,
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

DERIVED: Final = (
    _EDGE_REQUESTS,
    _REQUEST_MINUTES,
    _SERVICE_MINUTES,
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
