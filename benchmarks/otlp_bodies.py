"""OTLP requests as a web platform sends them, encoded once before any clock runs."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

_ROUTES: Final = ("/", "/products", "/products/{id}", "/cart", "/checkout", "/pay", "/orders/{id}")
_WORDS: Final = "order paid cart item stock worker queue retry cache miss hit user session".split()  # noqa: SIM905
SERVICE: Final = "bench"


def _pairs(**values: str | int | float | bool) -> list[KeyValue]:
    pairs = []
    for name, value in values.items():
        pair = KeyValue(key=name.replace("_", "."))
        match value:
            case bool():
                pair.value.bool_value = value
            case int():
                pair.value.int_value = value
            case float():
                pair.value.double_value = value
            case _:
                pair.value.string_value = value
        pairs.append(pair)
    return pairs


def _resource(chance: random.Random) -> list[KeyValue]:
    return _pairs(
        service_name=SERVICE,
        service_version="1.4.2",
        service_instance_id=f"{chance.getrandbits(64):016x}",
        host_name="web-1",
        deployment_environment_name="production",
        telemetry_sdk_language="python",
    )


def traces(entries: int, chance: random.Random) -> bytes:
    """Half server spans, half database calls, in traces of eight."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(_resource(chance))
    scope = resource.scope_spans.add()
    scope.scope.name = "instrumentation.http"
    now = time.time_ns()
    trace_id = chance.randbytes(16)
    for index in range(entries):
        if index % 8 == 0:
            trace_id = chance.randbytes(16)
        route = chance.choice(_ROUTES)
        span = scope.spans.add(
            trace_id=trace_id,
            span_id=chance.randbytes(8),
            parent_span_id=chance.randbytes(8),
            name=f"GET {route}" if index % 2 == 0 else "SELECT shop",
            kind=2 if index % 2 == 0 else 3,
            start_time_unix_nano=now + index,
            end_time_unix_nano=now + index + chance.randrange(10**5, 10**8),
        )
        if index % 2 == 0:
            span.attributes.extend(
                _pairs(
                    http_request_method="GET",
                    http_route=route,
                    http_response_status__code=200,
                    url_path=f"/products/{chance.randrange(10**4)}",
                    user__agent_original="Mozilla/5.0 (X11; Linux x86_64)",
                    network_peer_address=f"10.0.0.{chance.randrange(255)}",
                )
            )
        else:
            span.attributes.extend(
                _pairs(
                    db_system_name="postgresql",
                    db_namespace="shop",
                    db_query_text="SELECT id, name, price FROM products WHERE id = %s",
                    server_port=5432,
                )
            )
    return request.SerializeToString()


def logs(entries: int, chance: random.Random) -> bytes:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.extend(_resource(chance))
    scope = resource.scope_logs.add()
    scope.scope.name = "shop.orders"
    now = time.time_ns()
    for index in range(entries):
        record = scope.log_records.add(
            time_unix_nano=now + index,
            observed_time_unix_nano=now + index,
            severity_number=9,
            severity_text="INFO",
            trace_id=chance.randbytes(16),
            span_id=chance.randbytes(8),
        )
        words = " ".join(chance.choices(_WORDS, k=8))
        record.body.string_value = f"{words} {chance.randrange(10**6)}"
        record.attributes.extend(
            _pairs(code_function_name="charge", order_id=chance.randrange(10**6), paid=True)
        )
    return request.SerializeToString()


def metrics(entries: int, chance: random.Random) -> bytes:
    """Counters, gauges and histograms in equal numbers of points, ten points a metric."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.extend(_resource(chance))
    scope = resource.scope_metrics.add()
    now = time.time_ns()
    for index in range(entries):
        if index % 10 == 0:
            metric = scope.metrics.add(name=f"bench.metric.{index // 10}", unit="1")
        attributes = _pairs(http_route=_ROUTES[index % len(_ROUTES)], host_name="web-1")
        at, since = now + index, now - 10**10
        match index // 10 % 3:
            case 0:
                metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
                metric.sum.is_monotonic = True
                metric.sum.data_points.add(
                    as_int=index,
                    attributes=attributes,
                    time_unix_nano=at,
                    start_time_unix_nano=since,
                )
            case 1:
                metric.gauge.data_points.add(
                    as_double=chance.random(), attributes=attributes, time_unix_nano=at
                )
            case _:
                metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
                metric.histogram.data_points.add(
                    count=10,
                    sum=12.5,
                    bucket_counts=[1, 2, 3, 4, 0, 0],
                    explicit_bounds=[0.01, 0.1, 0.5, 1, 5],
                    attributes=attributes,
                    time_unix_nano=at,
                    start_time_unix_nano=since,
                )
    return request.SerializeToString()


MAKERS: Final[dict[str, Callable[[int, random.Random], bytes]]] = {
    "traces": traces,
    "logs": logs,
    "metrics": metrics,
}
EXPORT_METHODS: Final = {
    signal: f"/opentelemetry.proto.collector.{package}.v1.{service}Service/Export"
    for signal, package, service in (
        ("traces", "trace", "Trace"),
        ("logs", "logs", "Logs"),
        ("metrics", "metrics", "Metrics"),
    )
}


def bodies(signal: str, entries: int, total_bytes: int = 24_000_000) -> list[bytes]:
    """Different requests of `entries` each, at most 200 or about `total_bytes` of them."""
    chance = random.Random(f"{signal}-{entries}")
    first = MAKERS[signal](entries, chance)
    count = max(4, min(200, total_bytes // len(first)))
    return [first, *(MAKERS[signal](entries, chance) for _ in range(count - 1))]
