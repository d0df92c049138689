"""Segments written as the spool writes them, decoded by the real store."""

from __future__ import annotations

import base64
import itertools
import json
import math
import time
from collections.abc import Iterator

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from insightengine.telemetry import segments
from insightengine.telemetry.messages import entries_of
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import SegmentName
from tests.contracts.store_harness import Telemetry, eventually, telemetry

NOW = time.time_ns()
_numbers = itertools.count(1)
Value = str | bool | int | float | bytes | None | list["Value"] | dict[str, "Value"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with telemetry(tmp_path_factory.mktemp("decoding")) as running:
        running.start("store")
        yield running


def spool(store: Telemetry, signal: Signal, *requests: Message) -> SegmentName:
    """Closes one segment and waits until the store has taken it."""
    name = SegmentName(signal, "1700000000000test", next(_numbers))
    content = b"".join(
        segments.encode(each.SerializeToString(), entries_of(each)) for each in requests
    )
    path = store.spool / f"{name.token}.pb"
    path.with_suffix(".tmp").write_bytes(content)
    path.with_suffix(".tmp").rename(path)
    eventually(lambda: not path.exists(), 20, f"{name.token} is ingested")
    return name


def rows(store: Telemetry, sql: str) -> list[dict[str, object]]:
    answer = store.ask(f"{sql} FORMAT JSONEachRow SETTINGS output_format_json_quote_denormals = 1")
    return [json.loads(line) for line in answer.split("\n") if line]


_SCALAR_FIELDS = {
    bool: "bool_value",
    int: "int_value",
    float: "double_value",
    str: "string_value",
    bytes: "bytes_value",
}


def fill(target: AnyValue, value: Value) -> None:
    match value:
        case list():
            target.array_value.SetInParent()
            for item in value:
                fill(target.array_value.values.add(), item)
        case dict():
            target.kvlist_value.SetInParent()
            for key, item in value.items():
                fill(target.kvlist_value.values.add(key=key).value, item)
        case None:
            pass
        case _:
            setattr(target, _SCALAR_FIELDS[type(value)], value)


def attribute(key: str, value: Value) -> KeyValue:
    pair = KeyValue(key=key)
    pair.value.SetInParent()
    fill(pair.value, value)
    return pair


def same(text: str, value: Value) -> bool:
    """Whether the stored text stands for the value."""
    match value:
        case bool():
            return text == ("true" if value else "false")
        case float():
            return same_number(float(text), value)
        case int():
            return text == str(value)
        case str():
            return text == value
        case bytes():
            return text == base64.b64encode(value).decode()
        case None:
            return text == ""
        case _:
            return same_json(json.loads(text), value)


def same_json(found: object, value: Value) -> bool:
    match value:
        case list():
            return (
                isinstance(found, list)
                and len(found) == len(value)
                and all(same_json(each, item) for each, item in zip(found, value, strict=True))
            )
        case dict():
            return (
                isinstance(found, dict)
                and list(found) == [f"${key}" if key.startswith("$") else key for key in value]
                and all(map(same_json, found.values(), value.values()))
            )
        case bytes():
            return found == {"$bytes": base64.b64encode(value).decode()}
        case float() if not math.isfinite(value):
            assert isinstance(found, dict)
            return same_number(float(found["$double"]), value)
        case float():
            return isinstance(found, float) and found == value
        case _:
            return found == value and type(found) is type(value)


def same_number(found: float, value: float) -> bool:
    return (math.isnan(found) and math.isnan(value)) or found == value


SCALARS = st.one_of(
    st.text(max_size=20),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=10),
    st.none(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
SETS = st.lists(st.dictionaries(st.text(max_size=8), VALUES, max_size=5), min_size=1, max_size=8)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(SETS)
def test_every_attribute_of_every_type_comes_back(
    store: Telemetry, sets: list[dict[str, Value]]
) -> None:
    service = f"typed-{next(_numbers)}"
    requests = []
    for index, attributes in enumerate(sets):
        request = ExportLogsServiceRequest()
        resource = request.resource_logs.add()
        resource.resource.attributes.append(attribute("service.name", service))
        record = resource.scope_logs.add().log_records.add(time_unix_nano=NOW + index)
        for key, value in attributes.items():
            record.attributes.append(attribute(key, value))
            resource.resource.attributes.append(attribute(f"r.{key}", value))
        fill(record.body, dict(attributes))
        requests.append(request)
    spool(store, Signal.LOGS, *requests)
    found = rows(
        store,
        "SELECT Body, LogAttributes AS own, ResourceAttributes AS resource FROM logs "
        f"WHERE ServiceName = '{service}' ORDER BY Timestamp",
    )
    assert len(found) == len(sets)
    for row, attributes in zip(found, sets, strict=True):
        own, resource_attributes = row["own"], row["resource"]
        assert isinstance(own, dict)
        assert isinstance(resource_attributes, dict)
        assert own.keys() == attributes.keys()
        for key, value in attributes.items():
            assert same(own[key], value), (key, value, own[key])
            assert same(resource_attributes[f"r.{key}"], value)
        assert same(str(row["Body"]), dict(attributes))


def test_a_span_comes_back_whole(store: Telemetry) -> None:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(attribute("service.name", "checkout"))
    scope = resource.scope_spans.add()
    scope.scope.name, scope.scope.version = "lib", "1.2"
    span = scope.spans.add(
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        parent_span_id=b"\xff" * 8,
        trace_state="a=b",
        flags=257,
        name="POST /pay",
        kind=3,
        start_time_unix_nano=NOW,
        end_time_unix_nano=NOW + 1_500_000,
    )
    span.attributes.append(attribute("http.route", "/pay"))
    span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="declined"))
    event = span.events.add(time_unix_nano=NOW + 5, name="exception")
    event.attributes.append(attribute("exception.type", "Declined"))
    link = span.links.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, trace_state="c=d")
    link.attributes.append(attribute("why", "retry"))
    spool(store, Signal.TRACES, request)
    (row,) = rows(
        store,
        "SELECT *, toUnixTimestamp64Nano(Timestamp) AS ns, "
        "arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp) AS event_ns "
        "FROM spans WHERE ServiceName = 'checkout'",
    )
    expected = {
        "ns": NOW,
        "TraceId": "000102030405060708090a0b0c0d0e0f",
        "SpanId": "0001020304050607",
        "ParentSpanId": "ffffffffffffffff",
        "TraceState": "a=b",
        "TraceFlags": 257,
        "SpanName": "POST /pay",
        "SpanKind": "client",
        "ResourceAttributes": {"service.name": "checkout"},
        "ScopeName": "lib",
        "ScopeVersion": "1.2",
        "SpanAttributes": {"http.route": "/pay"},
        "DurationNs": 1_500_000,
        "StatusCode": "error",
        "StatusMessage": "declined",
        "event_ns": [NOW + 5],
        "Events.Name": ["exception"],
        "Events.Attributes": [{"exception.type": "Declined"}],
        "Links.TraceId": ["01" * 16],
        "Links.SpanId": ["02" * 8],
        "Links.TraceState": ["c=d"],
        "Links.Attributes": [{"why": "retry"}],
    }
    assert {key: row[key] for key in expected} == expected
    assert store.count("trace_index", "TraceId = '000102030405060708090a0b0c0d0e0f'") == 1


def test_lists_and_maps_are_kept_where_they_are_rare(store: Telemetry) -> None:
    nested: Value = {"list": [1, {"deep": [None, True]}]}
    traces = ExportTraceServiceRequest()
    resource = traces.resource_spans.add()
    resource.resource.attributes.append(attribute("service.name", "rare"))
    scope = resource.scope_spans.add()
    scope.scope.attributes.append(attribute("k", nested))
    span = scope.spans.add(start_time_unix_nano=NOW)
    span.events.add(name="e").attributes.append(attribute("k", nested))
    span.links.add().attributes.append(attribute("k", nested))
    spool(store, Signal.TRACES, traces)
    metrics = ExportMetricsServiceRequest()
    measured = metrics.resource_metrics.add()
    measured.resource.attributes.append(attribute("service.name", "rare"))
    point = measured.scope_metrics.add().metrics.add(name="m").sum.data_points.add(as_int=1)
    point.attributes.append(attribute("k", nested))
    point.exemplars.add(as_int=1).filtered_attributes.append(attribute("k", nested))
    spool(store, Signal.METRICS, metrics)
    (stored,) = rows(store, "SELECT * FROM spans WHERE ServiceName = 'rare'")
    (sample,) = rows(store, "SELECT * FROM metrics WHERE ServiceName = 'rare'")
    for found in (
        [stored["ScopeAttributes"]],
        stored["Events.Attributes"],
        stored["Links.Attributes"],
        [sample["Attributes"]],
        sample["Exemplars.Attributes"],
    ):
        assert isinstance(found, list)
        assert json.loads(found[0]["k"]) == nested


def test_absent_and_zero_ids_are_empty(store: Telemetry) -> None:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(attribute("service.name", "no-ids"))
    resource.scope_spans.add().spans.add(parent_span_id=b"\0" * 8, start_time_unix_nano=NOW)
    spool(store, Signal.TRACES, request)
    (row,) = rows(store, "SELECT * FROM spans WHERE ServiceName = 'no-ids'")
    assert (row["TraceId"], row["SpanId"], row["ParentSpanId"]) == ("", "", "")
    assert (row["SpanKind"], row["StatusCode"], row["DurationNs"]) == ("unspecified", "unset", 0)


def test_a_log_without_a_time_gets_the_observed_one_or_that_of_storing(store: Telemetry) -> None:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.append(attribute("service.name", "timeless"))
    scope = resource.scope_logs.add()
    scope.log_records.add(observed_time_unix_nano=NOW, severity_number=17, severity_text="ERROR")
    scope.log_records.add()
    spool(store, Signal.LOGS, request)
    observed, stored = rows(
        store,
        "SELECT toUnixTimestamp64Nano(Timestamp) AS ns, SeverityNumber FROM logs "
        "WHERE ServiceName = 'timeless' ORDER BY SeverityNumber DESC",
    )
    assert observed == {"ns": NOW, "SeverityNumber": 17}
    assert int(str(stored["ns"])) >= NOW


def test_every_kind_of_metric_comes_back(store: Telemetry) -> None:
    spool(store, Signal.METRICS, _one_metric_of_each_kind())
    found = {
        str(row["MetricName"]): row
        for row in rows(store, "SELECT * FROM metrics WHERE ServiceName = 'measured'")
    }
    assert {name: row["MetricType"] for name, row in found.items()} == {
        "gauge": "gauge",
        "sum": "sum",
        "unknown": "gauge",
        "histogram": "histogram",
        "exponential": "exponential_histogram",
        "summary": "summary",
    }
    assert found["gauge"]["Value"] == 0.25
    assert found["gauge"]["Attributes"] == {"k": "1"}
    assert found["gauge"]["Exemplars.TraceId"] == ["03" * 16]
    assert found["gauge"]["Exemplars.Value"] == [7]
    assert found["sum"]["Value"] == -3
    assert (found["sum"]["Temporality"], found["sum"]["IsMonotonic"]) == ("delta", True)
    assert found["unknown"]["Value"] == "nan"
    histogram = found["histogram"]
    assert (histogram["Count"], histogram["Sum"], histogram["Min"]) == (3, 4.5, "nan")
    assert (histogram["BucketBounds"], histogram["BucketCounts"]) == ([1, 2], [1, 1, 1])
    exponential = found["exponential"]
    assert (exponential["Scale"], exponential["ZeroCount"]) == (-2, 4)
    assert (exponential["PositiveOffset"], exponential["PositiveCounts"]) == (-5, [1, 2])
    assert (found["summary"]["Quantiles"], found["summary"]["QuantileValues"]) == ([0.5], [9.5])


def _one_metric_of_each_kind() -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.append(attribute("service.name", "measured"))
    metrics = resource.scope_metrics.add().metrics
    point = metrics.add(name="gauge", unit="1").gauge.data_points.add(
        time_unix_nano=NOW, as_double=0.25
    )
    point.attributes.append(attribute("k", 1))
    point.exemplars.add(as_int=7, trace_id=b"\x03" * 16, time_unix_nano=NOW)
    total = metrics.add(name="sum").sum
    total.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    total.is_monotonic = True
    total.data_points.add(time_unix_nano=NOW, as_int=-3)
    metrics.add(name="unknown").gauge.data_points.add(time_unix_nano=NOW, flags=1)
    histogram = metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    histogram.data_points.add(
        time_unix_nano=NOW, count=3, sum=4.5, bucket_counts=[1, 1, 1], explicit_bounds=[1, 2]
    )
    exponential = metrics.add(name="exponential").exponential_histogram.data_points.add(
        time_unix_nano=NOW, count=7, scale=-2, zero_count=4
    )
    exponential.positive.offset = -5
    exponential.positive.bucket_counts.extend([1, 2])
    summary = metrics.add(name="summary").summary.data_points.add(time_unix_nano=NOW, count=2)
    summary.quantile_values.add(quantile=0.5, value=9.5)
    return request


def test_a_request_over_many_days_is_stored(store: Telemetry) -> None:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.append(attribute("service.name", "planner"))
    scope = resource.scope_logs.add()
    for day in range(150):
        scope.log_records.add(time_unix_nano=NOW + day * 86_400 * 10**9)
    spool(store, Signal.LOGS, request)
    assert store.count("logs", "ServiceName = 'planner'") == 150
