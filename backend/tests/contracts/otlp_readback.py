"""Rows of the store turned back into the OTLP that they were made of, one request a row.

What docs/concepts/ingest.md says about `ValueTypes` and `Exact`, as code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, Metric, NumberDataPoint
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import DATABASE

Row = dict[str, Any]
Pairs = list[tuple[str, Any]]
Attributes = RepeatedCompositeFieldContainer[KeyValue]
_SETTINGS = "output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 1"
_NS = "toUnixTimestamp64Nano"
QUERIES: Final = {
    Signal.TRACES: f"SELECT * REPLACE ({_NS}(Timestamp) AS Timestamp, "
    f"arrayMap(t -> {_NS}(t), Events.Timestamp) AS `Events.Timestamp`) FROM {DATABASE}.spans",
    Signal.LOGS: f"SELECT * REPLACE ({_NS}(Timestamp) AS Timestamp, "
    f"{_NS}(ObservedTimestamp) AS ObservedTimestamp) FROM {DATABASE}.logs",
    Signal.METRICS: f"SELECT * REPLACE ({_NS}(Timestamp) AS Timestamp, "
    f"{_NS}(StartTimestamp) AS StartTimestamp, "
    f"arrayMap(t -> {_NS}(t), Exemplars.Timestamp) AS `Exemplars.Timestamp`) "
    f"FROM {DATABASE}.metrics",
}
_SCALARS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


def query(signal: Signal) -> str:
    return f"{QUERIES[signal]} FORMAT JSONEachRow SETTINGS {_SETTINGS}"


def rows(answer: bytes) -> Iterator[Row]:
    """Maps are lists of pairs, since a sender may give a key twice."""
    for line in answer.splitlines():
        yield dict(json.loads(line, object_pairs_hook=list, parse_int=_integer))


def _integer(text: str) -> int | float:
    """ClickHouse writes the double -0.0 as an integer."""
    return -0.0 if text == "-0" else int(text)


def requests(signal: Signal, found: Iterable[Row]) -> list[Message]:
    build = {Signal.TRACES: _span, Signal.LOGS: _log, Signal.METRICS: _point}[signal]
    return [build(row) for row in found]


class _Record:
    """A row that is taken apart in the order of `ValueTypes`."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self._types = iter(row["ValueTypes"])
        self.exact = dict(row["Exact"])

    def type(self) -> str:
        return str(next(self._types))

    def attributes(self, target: Attributes, pairs: Pairs) -> None:
        for key, text in pairs:
            read_value(target.add(key=key).value, self.type(), text)

    def origin(self, resource: Resource, scope: InstrumentationScope) -> None:
        row = self.row
        self.attributes(resource.attributes, row["ResourceAttributes"])
        resource.dropped_attributes_count = row["ResourceDroppedAttributesCount"]
        for entity in json.loads(self.exact.get("resource.entity_refs", "[]")):
            ParseDict(entity, resource.entity_refs.add())
        scope.name, scope.version = row["ScopeName"], row["ScopeVersion"]
        self.attributes(scope.attributes, row["ScopeAttributes"])
        scope.dropped_attributes_count = row["ScopeDroppedAttributesCount"]

    def number(self, name: str, column: Any) -> int:
        return int(self.exact.get(name, column))

    def id(self, name: str, column: str) -> bytes:
        return bytes.fromhex(self.exact.get(name, column))

    def end(self) -> None:
        assert next(self._types, None) is None, "types without a value"


def _span(row: Row) -> Message:
    record, request = _Record(row), ExportTraceServiceRequest()
    resource = request.resource_spans.add(schema_url=row["ResourceSchemaUrl"])
    scope = resource.scope_spans.add(schema_url=row["ScopeSchemaUrl"])
    record.origin(resource.resource, scope.scope)
    start = record.number("start_time_unix_nano", row["Timestamp"])
    span = scope.spans.add(
        **{
            name: record.id(name, row[column])
            for name, column in (
                ("trace_id", "TraceId"),
                ("span_id", "SpanId"),
                ("parent_span_id", "ParentSpanId"),
            )
        },
        trace_state=row["TraceState"],
        flags=row["TraceFlags"],
        name=row["SpanName"],
        kind=record.number("kind", _KINDS.index(row["SpanKind"])),
        start_time_unix_nano=start,
        end_time_unix_nano=record.number("end_time_unix_nano", start + row["DurationNs"]),
        dropped_attributes_count=row["DroppedAttributesCount"],
        dropped_events_count=row["DroppedEventsCount"],
        dropped_links_count=row["DroppedLinksCount"],
    )
    status = ("unset", "ok", "error").index(row["StatusCode"])
    span.status.code = record.number("status.code", status)
    span.status.message = row["StatusMessage"]
    record.attributes(span.attributes, row["SpanAttributes"])
    for n, (at, name, attributes, dropped) in enumerate(
        _nested(row, "Events", "Timestamp", "Name", "Attributes", "DroppedAttributesCount")
    ):
        event = span.events.add(name=name, dropped_attributes_count=dropped)
        event.time_unix_nano = record.number(f"events.{n}.time_unix_nano", at)
        record.attributes(event.attributes, attributes)
    links = ("TraceId", "SpanId", "TraceState", "Attributes", "DroppedAttributesCount", "Flags")
    for n, (trace, own, state, attributes, dropped, flags) in enumerate(
        _nested(row, "Links", *links)
    ):
        link = span.links.add(trace_state=state, dropped_attributes_count=dropped, flags=flags)
        link.trace_id = record.id(f"links.{n}.trace_id", trace)
        link.span_id = record.id(f"links.{n}.span_id", own)
        record.attributes(link.attributes, attributes)
    record.end()
    return request


def _log(row: Row) -> Message:
    record, request = _Record(row), ExportLogsServiceRequest()
    resource = request.resource_logs.add(schema_url=row["ResourceSchemaUrl"])
    scope = resource.scope_logs.add(schema_url=row["ScopeSchemaUrl"])
    record.origin(resource.resource, scope.scope)
    entry = scope.log_records.add(
        time_unix_nano=record.number("time_unix_nano", row["Timestamp"]),
        observed_time_unix_nano=record.number("observed_time_unix_nano", row["ObservedTimestamp"]),
        severity_number=record.number("severity_number", row["SeverityNumber"]),
        severity_text=row["SeverityText"],
        dropped_attributes_count=row["DroppedAttributesCount"],
        flags=row["TraceFlags"],
        trace_id=record.id("trace_id", row["TraceId"]),
        span_id=record.id("span_id", row["SpanId"]),
        event_name=row["EventName"],
    )
    read_value(entry.body, record.type(), row["Body"])
    record.attributes(entry.attributes, row["LogAttributes"])
    record.end()
    return request


def _point(row: Row) -> Message:
    record, request = _Record(row), ExportMetricsServiceRequest()
    resource = request.resource_metrics.add(schema_url=row["ResourceSchemaUrl"])
    scope = resource.scope_metrics.add(schema_url=row["ScopeSchemaUrl"])
    record.origin(resource.resource, scope.scope)
    metric = scope.metrics.add(
        name=row["MetricName"], description=row["MetricDescription"], unit=row["MetricUnit"]
    )
    record.attributes(metric.metadata, row["MetricMetadata"])
    point = _data(record, metric).data_points.add(flags=row["Flags"])
    point.time_unix_nano = record.number("time_unix_nano", row["Timestamp"])
    point.start_time_unix_nano = record.number("start_time_unix_nano", row["StartTimestamp"])
    record.attributes(point.attributes, row["Attributes"])
    if isinstance(point, NumberDataPoint):
        _read_number(record, point, row["Value"], "as_int")
    else:
        _read_distribution(record, point)
    for n, (at, value, trace, own, attributes) in enumerate(
        _nested(row, "Exemplars", "Timestamp", "Value", "TraceId", "SpanId", "Attributes")
    ):
        exemplar = point.exemplars.add()
        _read_number(record, exemplar, value, f"exemplars.{n}.as_int")
        exemplar.time_unix_nano = record.number(f"exemplars.{n}.time_unix_nano", at)
        exemplar.trace_id = record.id(f"exemplars.{n}.trace_id", trace)
        exemplar.span_id = record.id(f"exemplars.{n}.span_id", own)
        record.attributes(exemplar.filtered_attributes, attributes)
    record.end()
    return request


def _data(record: _Record, metric: Metric) -> Any:
    row = record.row
    data = getattr(metric, row["MetricType"])
    data.SetInParent()
    if hasattr(data, "aggregation_temporality"):
        known = ("unspecified", "delta", "cumulative").index(row["Temporality"])
        data.aggregation_temporality = record.number("aggregation_temporality", known)
    if hasattr(data, "is_monotonic"):
        data.is_monotonic = row["IsMonotonic"]
    return data


def _read_number(
    record: _Record, target: NumberDataPoint | Exemplar, value: Any, exactly: str
) -> None:
    match record.type():
        case "i":
            target.as_int = int(record.exact.get(exactly) or float(value))
        case "d":
            target.as_double = float(value)


def _read_distribution(record: _Record, point: Any) -> None:
    row = record.row
    point.count = row["Count"]
    names = ("Scale", "ZeroCount", "ZeroThreshold") if hasattr(point, "scale") else ()
    for column in names:
        name = {"Scale": "scale", "ZeroCount": "zero_count"}.get(column, "zero_threshold")
        setattr(point, name, _float(row[column]) if column == "ZeroThreshold" else row[column])
    if hasattr(point, "quantile_values"):
        point.sum = _float(row["Sum"])
        for quantile, value in zip(row["Quantiles"], row["QuantileValues"], strict=True):
            point.quantile_values.add(quantile=_float(quantile), value=_float(value))
        return
    for name in ("sum", "min", "max"):
        if row[name.title()] != "nan" or name in record.exact:
            setattr(point, name, _float(row[name.title()]))
    if hasattr(point, "scale"):
        for side in ("positive", "negative"):
            buckets = getattr(point, side)
            buckets.offset = row[f"{side.title()}Offset"]
            buckets.bucket_counts.extend(row[f"{side.title()}Counts"])
    else:
        point.bucket_counts.extend(row["BucketCounts"])
        point.explicit_bounds.extend(map(_float, row["BucketBounds"]))


def _float(value: Any) -> float:
    return float(value)


def _nested(row: Row, name: str, *columns: str) -> Iterable[Sequence[Any]]:
    return zip(*(row[f"{name}.{column}"] for column in columns), strict=True)


def read_value(target: AnyValue, kind: str, text: str) -> None:
    """Fills the value that a text and its type stand for."""
    match kind:
        case "n":
            assert text == "", text
        case "s":
            target.string_value = text
        case "b":
            target.bool_value = {"true": True, "false": False}[text]
        case "i":
            target.int_value = int(text)
        case "d":
            target.double_value = float(text)
        case "y":
            target.bytes_value = base64.b64decode(text, validate=True)
        case _:
            _fill(target, json.loads(text, object_pairs_hook=tuple))


def _fill(target: AnyValue, value: Any) -> None:
    """Of JSON whose objects are tuples of pairs."""
    match value:
        case (("$bytes", str(text)),):
            target.bytes_value = base64.b64decode(text, validate=True)
        case (("$double", str(text)),):
            target.double_value = float(text)
        case list():
            target.array_value.SetInParent()
            for item in value:
                _fill(target.array_value.values.add(), item)
        case tuple():
            target.kvlist_value.SetInParent()
            for key, item in value:
                pair = target.kvlist_value.values.add(key=key[1:] if key.startswith("$") else key)
                pair.value.SetInParent()
                _fill(pair.value, item)
        case None:
            pass
        case _:
            setattr(target, _SCALARS[type(value)], value)
