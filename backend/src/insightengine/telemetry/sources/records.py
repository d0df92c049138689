"""Log records and measurements as values, and their OTLP encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Metric,
    NumberDataPoint,
)

AttributeValue = str | int | float | bool
Attributes = Mapping[str, AttributeValue]

LOGS_SCOPE: Final = "insightengine.logs"
METRICS_SCOPE: Final = "insightengine.metrics"
_INT64: Final = 2**63


@dataclass(frozen=True, slots=True)
class Severity:
    number: int
    text: str


TRACE: Final = Severity(1, "TRACE")
DEBUG: Final = Severity(5, "DEBUG")
INFO: Final = Severity(9, "INFO")
WARN: Final = Severity(13, "WARN")
ERROR: Final = Severity(17, "ERROR")
FATAL: Final = Severity(21, "FATAL")


@dataclass(frozen=True, slots=True)
class Record:
    """One log entry. Ids are lower hex or ''."""

    time_ns: int
    observed_ns: int
    severity: Severity
    body: str
    trace_id: str = ""
    span_id: str = ""
    attributes: Attributes = field(default_factory=dict)


class Kind(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"  # only grows, cumulative since `since_ns`


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured value; several samples of one name differ in their attributes."""

    name: str
    unit: str
    kind: Kind
    value: int | float
    attributes: Attributes = field(default_factory=dict)
    since_ns: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one service at one moment."""

    resource: Attributes
    time_ns: int
    samples: Sequence[Sample]


def encode_logs(groups: Iterable[tuple[Attributes, Sequence[Record]]]) -> bytes:
    """An ExportLogsServiceRequest; groups are (attributes of the resource, its records)."""
    request = ExportLogsServiceRequest()
    for resource, records in groups:
        of_resource = request.resource_logs.add()
        of_resource.resource.attributes.extend(_pairs(resource))
        scope = of_resource.scope_logs.add()
        scope.scope.name = LOGS_SCOPE
        scope.log_records.extend(_record(record) for record in records)
    return request.SerializeToString()


def encode_metrics(groups: Iterable[Measured]) -> bytes:
    """An ExportMetricsServiceRequest."""
    request = ExportMetricsServiceRequest()
    for measured in groups:
        of_resource = request.resource_metrics.add()
        of_resource.resource.attributes.extend(_pairs(measured.resource))
        scope = of_resource.scope_metrics.add()
        scope.scope.name = METRICS_SCOPE
        metrics: dict[str, Metric] = {}
        for sample in measured.samples:
            metric = metrics.get(sample.name)
            if metric is None:
                metric = metrics[sample.name] = scope.metrics.add()
                metric.name, metric.unit = sample.name, sample.unit
            _add_point(metric, sample, measured.time_ns)
    return request.SerializeToString()


def _record(record: Record) -> LogRecord:
    return LogRecord(
        time_unix_nano=record.time_ns,
        observed_time_unix_nano=record.observed_ns,
        severity_number=record.severity.number,  # type: ignore[arg-type]
        severity_text=record.severity.text,
        body=AnyValue(string_value=record.body),
        attributes=_pairs(record.attributes),
        trace_id=bytes.fromhex(record.trace_id),
        span_id=bytes.fromhex(record.span_id),
    )


def _add_point(metric: Metric, sample: Sample, time_ns: int) -> None:
    point = NumberDataPoint(
        time_unix_nano=time_ns,
        start_time_unix_nano=sample.since_ns,
        attributes=_pairs(sample.attributes),
    )
    if isinstance(sample.value, int) and abs(sample.value) < _INT64:
        point.as_int = sample.value
    else:
        point.as_double = float(sample.value)
    match sample.kind:
        case Kind.GAUGE:
            metric.gauge.data_points.append(point)
        case Kind.COUNTER:
            metric.sum.is_monotonic = True
            metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
            metric.sum.data_points.append(point)


def _pairs(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any(value)) for key, value in attributes.items()]


def _any(value: AttributeValue) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int() if abs(value) < _INT64:
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
    return AnyValue(string_value=str(value))
