"""What is derived while records are inserted. A repeated insert derives nothing twice: each view
passes the token of the insert on to its target.

A condition on a map is asked of the rows that a cheap one left: AND alone looks into every map.
"""

# ruff: noqa: E501, S608  lines of SQL are left whole; only constants are written into them

from __future__ import annotations

from typing import Final

from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.layout import View

# Durations are kept as an exponential histogram of OpenTelemetry's scale 4: bucket i holds what is
# above 2^(i/16) ms and at most 2^((i+1)/16) ms, which is 4.4 % wide. Nothing is below 0.01 ms.
BUCKETS_A_DOUBLING: Final = 16
LEAST_MS: Final = 0.01
EXCEPTION_GROUP_VERSION: Final = 1
_FACET_LENGTH: Final = 64


def bucket(milliseconds: str) -> str:
    """SQL of the bucket that a duration belongs to."""
    return f"toInt16(ceil(log2(greatest({milliseconds}, {LEAST_MS})) * {BUCKETS_A_DOUBLING}) - 1)"


# A duration of 0.012 s in the access log is 12 ms; "0.010, 0.002" stands for two upstreams in turn.
_EDGE_REQUESTS = View(
    "edge_requests_from",
    names.EDGE_REQUESTS,
    names.LOGS,
    """SELECT Timestamp,
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
FROM (SELECT Timestamp, LogAttributes, TraceId, SpanId FROM {source})
WHERE LogAttributes['status'] != ''""",
    where=f"ServiceName = '{names.EDGE_SERVICE}'",
)

_REQUEST_KEYS = "Site, Service, Route, Method, Release, Colour"
_REQUEST_MINUTES = View(
    "request_minutes_from",
    names.REQUEST_MINUTES,
    names.EDGE_REQUESTS,
    f"""SELECT Minute, {_REQUEST_KEYS}, sum(requests) AS Requests, sum(errors) AS Errors,
    sum(bytes) AS BytesSent, sumMap(map(bucket, requests)) AS Durations
FROM (SELECT toStartOfMinute(Timestamp) AS Minute, {_REQUEST_KEYS}, {bucket("DurationMs")} AS bucket,
        count() AS requests, countIf(Status >= 500) AS errors, sum(BytesSent) AS bytes
    FROM {{source}} GROUP BY Minute, {_REQUEST_KEYS}, bucket)
GROUP BY Minute, {_REQUEST_KEYS}""",
)

_SERVICE_KEYS = "Site, Service, Release, Colour"
_SERVICE_MINUTES = View(
    "service_minutes_from",
    names.SERVICE_MINUTES,
    names.REQUEST_MINUTES,
    f"""SELECT Minute, {_SERVICE_KEYS}, sum(Requests) AS Requests, sum(Errors) AS Errors,
    sum(BytesSent) AS BytesSent, sumMap(Durations) AS Durations
FROM {{source}} GROUP BY Minute, {_SERVICE_KEYS}""",
    time="Minute",
)

_OPERATION_KEYS = "ServiceName, SpanKind, SpanName, Release, Colour"
_OPERATION_MINUTES = View(
    "operation_minutes_from",
    names.OPERATION_MINUTES,
    names.SPANS,
    f"""SELECT Minute, {_OPERATION_KEYS}, sum(calls) AS Calls, sum(errors) AS Errors,
    sumMap(map(bucket, calls)) AS Durations
FROM (SELECT toStartOfMinute(Timestamp) AS Minute, ServiceName, SpanKind, SpanName, Release,
        Colour, {bucket("DurationNs / 1e6")} AS bucket, count() AS calls,
        countIf(StatusCode = 'error') AS errors
    FROM {{source}} GROUP BY Minute, {_OPERATION_KEYS}, bucket)
GROUP BY Minute, {_OPERATION_KEYS}""",
    where="SpanKind IN ('server', 'client', 'producer', 'consumer')",
)

_LOG_MINUTES = View(
    "log_minutes_from",
    names.LOG_MINUTES,
    names.LOGS,
    """SELECT toStartOfMinute(Timestamp) AS Minute, ServiceName, SeverityNumber, Release, Colour,
    IsOwn, count() AS Entries, sum(length(Body)) AS BodyBytes
FROM {source} GROUP BY Minute, ServiceName, SeverityNumber, Release, Colour, IsOwn""",
)

# Values that are another one in nearly every entry (ids, numbers, addresses, sentences) are no
# facets, and would make the table as large as the logs.
_IS_FACET: Final = (
    f"length(Value) BETWEEN 1 AND {_FACET_LENGTH} "
    "AND NOT match(Value, '[0-9]{5,}|[0-9a-fA-F-]{12,}|^[0-9.:]{5,}$|@')"
)
_LOG_FACETS = View(
    "log_facets_from",
    names.LOG_FACETS,
    names.LOGS,
    f"""SELECT toStartOfFifteenMinutes(Timestamp) AS Slot, ServiceName, IsOwn, Key, Value, count() AS Entries
FROM (SELECT Timestamp, ServiceName, IsOwn, mapKeys(LogAttributes) AS keys,
        mapValues(LogAttributes) AS values FROM {{source}})
ARRAY JOIN keys AS Key, values AS Value
WHERE {_IS_FACET}
GROUP BY Slot, ServiceName, IsOwn, Key, Value""",
)
# What every entry has, and few values of: counted first, then looked at.
_RESOURCE_FACETS = View(
    "log_facets_from_resources",
    names.LOG_FACETS,
    names.LOGS,
    f"""SELECT Slot, ServiceName, IsOwn, Key, Value, sum(entries) AS Entries
FROM (SELECT toStartOfFifteenMinutes(Timestamp) AS Slot, ServiceName, IsOwn, Release,
        ResourceAttributes['host.name'] AS host, count() AS entries
    FROM {{source}} GROUP BY Slot, ServiceName, IsOwn, Release, host)
ARRAY JOIN ['host.name', 'service.version'] AS Key, [toString(host), toString(Release)] AS Value
WHERE {_IS_FACET}
GROUP BY Slot, ServiceName, IsOwn, Key, Value""",
)

# A text without what differs each time: every run of letters and digits that has a digit, with what
# follows it after a dot, colon or dash (numbers, ids, addresses, times). Only its first line.
PATTERN_VALUE: Final = "<*>"
PATTERN_REST: Final = "<...>"
_PATTERN_LENGTH: Final = 256
_PATTERN_VALUES: Final = "[0-9A-Za-z_]*[0-9][0-9A-Za-z_]*(?:[.:-][0-9A-Za-z_]+)*"
# So many rare patterns of an insert are kept; beyond, the words that they begin with.
_RARE_PATTERNS: Final = 500
_LEADING_WORDS: Final = 3
_LEADING: Final = f"substringIndex(pattern, ' ', {_LEADING_WORDS})"


def pattern(text: str) -> str:
    """SQL of the pattern of a text."""
    line = (
        f"if(length({text}) > {_PATTERN_LENGTH} OR position({text}, '\\n') > 0, "
        f"substringUTF8(substringIndex({text}, '\\n', 1), 1, {_PATTERN_LENGTH}), {text})"
    )
    return f"replaceRegexpAll({line}, '{_PATTERN_VALUES}', '{PATTERN_VALUE}')"


_PATTERN_KEYS = "Slot, ServiceName, SeverityNumber, IsOwn"
_LOG_PATTERNS = View(
    "log_patterns_from",
    names.LOG_PATTERNS,
    names.LOGS,
    f"""SELECT {_PATTERN_KEYS},
    if(entries > 1 OR patterns <= {_RARE_PATTERNS} OR {_LEADING} = pattern, pattern,
        concat({_LEADING}, ' {PATTERN_REST}'))
        AS Pattern, sum(entries) AS Entries
FROM (SELECT {_PATTERN_KEYS}, pattern, count() AS entries, count() OVER () AS patterns
    FROM (SELECT toStartOfFifteenMinutes(Timestamp) AS Slot, ServiceName, SeverityNumber,
            IsOwn, {pattern("Body")} AS pattern FROM {{source}})
    GROUP BY {_PATTERN_KEYS}, pattern)
GROUP BY {_PATTERN_KEYS}, Pattern""",
    where="Body != ''",
)

_FRAMES = "arrayFilter(l -> match(l, '^\\\\s*(File \"|at )'), splitByChar('\\n', Stacktrace))"
_FOREIGN = "match(l, 'site-packages|node_modules|/lib/python|java\\\\.base|node:internal')"
_GROUP_ID = f"""lower(hex(sipHash64(ServiceName, Type, multiIf(
        arrayExists(l -> NOT {_FOREIGN}, {_FRAMES}),
            arrayStringConcat(arrayMap(l -> replaceRegexpAll(l, 'line [0-9]+|:[0-9]+', ''),
                arrayFilter(l -> NOT {_FOREIGN}, {_FRAMES})), '\\n'),
        notEmpty({_FRAMES}),
            arrayStringConcat(arrayMap(l -> replaceRegexpAll(l, 'line [0-9]+|:[0-9]+', ''),
                {_FRAMES}), '\\n'),
        replaceRegexpAll(Message, '[0-9a-f]{{8,}}|[0-9]+|\\'[^\\']*\\'|"[^"]*"', '*')))))"""


def _exceptions(inner: str, source: str) -> str:
    """The group of an exception: its type and its own frames without lines; without frames, its
    message without what differs each time. Changes of it need another EXCEPTION_GROUP_VERSION.
    """
    return f"""SELECT Timestamp, ServiceName, Release, Colour, '{source}' AS Source,
    {EXCEPTION_GROUP_VERSION} AS GroupVersion, {_GROUP_ID} AS GroupId, Type, Message, Stacktrace,
    TraceId, SpanId
FROM ({inner})"""


_SPAN_EXCEPTIONS = View(
    "exceptions_from_spans",
    names.EXCEPTIONS,
    names.SPANS,
    _exceptions(
        """SELECT at AS Timestamp, ServiceName, Release, Colour, TraceId, SpanId,
        attributes['exception.type'] AS Type, attributes['exception.message'] AS Message,
        attributes['exception.stacktrace'] AS Stacktrace
    FROM (SELECT ServiceName, Release, Colour, TraceId, SpanId, Events.Timestamp AS times,
            Events.Name AS kinds, Events.Attributes AS maps FROM {source})
    ARRAY JOIN times AS at, kinds AS kind, maps AS attributes
    WHERE kind = 'exception'""",
        "span",
    ),
    where="has(Events.Name, 'exception')",
)

_LOG_EXCEPTIONS = View(
    "exceptions_from_logs",
    names.EXCEPTIONS,
    names.LOGS,
    _exceptions(
        """SELECT Timestamp, ServiceName, Release, Colour, TraceId, SpanId,
        LogAttributes['exception.type'] AS Type, LogAttributes['exception.message'] AS Message,
        LogAttributes['exception.stacktrace'] AS Stacktrace
    FROM (SELECT Timestamp, ServiceName, Release, Colour, TraceId, SpanId, LogAttributes FROM {source})
    WHERE Type != '' OR Stacktrace != ''""",
        "log",
    ),
    where="SeverityNumber >= 13",
)

# A span may last longer than time can be told.
_LAST_NS: Final = 2**63 - 1
_END = (
    "addNanoseconds(Timestamp, toInt64(least(DurationNs, "
    f"toUInt64({_LAST_NS} - toUnixTimestamp64Nano(Timestamp)))))"
)
# Its least value tells the root, or else the first span: the time, with the highest bit for a child.
_ROOT_KEY = (
    "bitOr(toUInt64(toUnixTimestamp64Nano(Timestamp)), "
    "bitShiftLeft(toUInt64(ParentSpanId != ''), 63))"
)
_TRACES = View(
    "traces_from",
    names.TRACES,
    names.SPANS,
    f"""SELECT toStartOfFiveMinutes(min(Timestamp)) AS Slot, TraceId, min(Timestamp) AS Start,
    max({_END}) AS End,
    (toUInt8(bitShiftRight(min(key), 63)),
        fromUnixTimestamp64Nano(toInt64(bitAnd(min(key), 9223372036854775807)), 'UTC'),
        toString(argMin(ServiceName, key)), toString(argMin(SpanName, key))) AS Root,
    groupUniqArray(ServiceName) AS Services, count() AS Spans,
    countIf(StatusCode = 'error') AS Errors, max(is_own) AS IsOwn
FROM (SELECT Timestamp, TraceId, DurationNs, ServiceName, SpanName, StatusCode, {_ROOT_KEY} AS key,
        IsOwn AS is_own
    FROM {{source}}) GROUP BY TraceId""",
    where="TraceId != ''",
)

_TRACE_INDEX = View(
    "trace_index_from",
    names.TRACE_INDEX,
    names.TRACES,
    "SELECT TraceId, Start, End FROM {source}",
    time="Slot",
)

# One sample of each series in an insert tells all of it: maps in aggregates take three times as
# long as the insert itself. First and Last are therefore as exact as inserts are frequent.
_SERIES = View(
    "series_from",
    names.SERIES,
    names.METRICS,
    """SELECT toDate(Timestamp) AS Day, MetricName, ServiceName, SeriesId, MetricType, MetricUnit,
    MetricDescription, Temporality, IsMonotonic, Attributes, ResourceAttributes,
    Timestamp AS First, Timestamp AS Last
FROM {source} LIMIT 1 BY Day, MetricName, ServiceName, SeriesId""",
)

_HOSTS = View(
    "hosts_from",
    names.HOSTS,
    names.METRICS,
    """SELECT toDate(Timestamp) AS Day, ResourceAttributes['host.name'] AS Host, ServiceName,
    anyLast(ResourceAttributes) AS Attributes, min(Timestamp) AS First, max(Timestamp) AS Last
FROM {source} GROUP BY Day, Host, ServiceName""",
    where="ResourceAttributes['host.name'] != ''",
)

# Those that read another view's target stand behind it.
VIEWS: Final = (
    _EDGE_REQUESTS,
    _REQUEST_MINUTES,
    _SERVICE_MINUTES,
    _OPERATION_MINUTES,
    _LOG_MINUTES,
    _LOG_FACETS,
    _RESOURCE_FACETS,
    _LOG_PATTERNS,
    _LOG_EXCEPTIONS,
    _SPAN_EXCEPTIONS,
    _TRACES,
    _TRACE_INDEX,
    _SERIES,
    _HOSTS,
)
