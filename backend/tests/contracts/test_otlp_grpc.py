"""OTLP over gRPC through the real edge into the real collector, from grpc's own client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import (
    OTLPLogExporter as HttpLogExporter,
)
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpMetricExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from insightengine.core.settings import PortOffset
from insightengine.edge.models import Address, EdgeConfiguration
from insightengine.telemetry import segments
from tests.contracts.edge_harness import free_ports, running_edge
from tests.contracts.store_harness import Telemetry, telemetry

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with telemetry(tmp_path_factory.mktemp("grpc")) as running:
        running.start("collector")
        yield running


@pytest.fixture(scope="module")
def address(collector: Telemetry) -> Iterator[str]:
    (port,) = free_ports(1)
    behind = (Address("127.0.0.1", collector.base_port + PortOffset.COLLECTOR),)

    def with_grpc(configuration: EdgeConfiguration) -> EdgeConfiguration:
        otlp = replace(configuration.otlp, collectors=behind, grpc=Address("127.0.0.1", port))
        return replace(configuration, otlp=otlp)

    with running_edge(with_grpc):
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def channel(address: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address) as opened:
        yield opened


def export(channel: grpc.Channel, body: bytes, method: str = EXPORT, **options: object) -> bytes:
    return bytes(channel.unary_unary(method)(body, timeout=20, **options))


def spooled(folder: Path, signal: str) -> list[bytes]:
    found: list[bytes] = []
    for path in (*folder.glob(f"{signal}-*.pb"), *folder.glob(f"{signal}-*.open")):
        content = path.read_bytes()
        found += [content[r.request_start : r.end] for r in segments.scan(content).records]
    return found


def request(name: str) -> bytes:
    made = ExportTraceServiceRequest()
    made.resource_spans.add().scope_spans.add().spans.add(name=name, trace_id=b"\x01" * 16)
    return made.SerializeToString()


def refused(channel: grpc.Channel, body: bytes, method: str = EXPORT) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as error:
        export(channel, body, method)
    return error.value


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_call_is_in_the_spool_when_it_returns(
    collector: Telemetry, channel: grpc.Channel, compression: grpc.Compression
) -> None:
    body = request(f"plain or small {compression.name} " + "x" * 300_000)
    answer = export(channel, body, compression=compression)
    assert ExportTraceServiceResponse.FromString(answer) == ExportTraceServiceResponse()
    assert body in spooled(collector.spool, "traces")


def test_what_is_no_request_is_an_invalid_argument(channel: grpc.Channel) -> None:
    error = refused(channel, b"\xff\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "not an OTLP traces request" in error.details()


@pytest.mark.parametrize("size", [4 * 1024**2 + 1, 9 * 1024**2])
def test_a_message_that_is_too_large_exhausts_a_resource(channel: grpc.Channel, size: int) -> None:
    """The smaller one is refused by the collector, the other by the edge."""
    error = refused(channel, request("x" * size))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_the_size_counts_after_decompression(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as error:
        export(channel, request("x" * 5 * 1024**2), compression=grpc.Compression.Gzip)
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_another_method_is_not_implemented(channel: grpc.Channel) -> None:
    error = refused(channel, b"", "/opentelemetry.proto.collector.profiles.v1.Profiles/Export")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def exporters(protocol: str, grpc_at: str, http_at: str) -> tuple[Any, Any, Any]:
    """For traces, logs and metrics."""
    if protocol == "grpc":
        options: dict[str, Any] = {"endpoint": f"http://{grpc_at}", "insecure": True}
        return (
            OTLPSpanExporter(**options),
            OTLPLogExporter(**options),
            OTLPMetricExporter(**options),
        )
    return (
        HttpSpanExporter(f"{http_at}/v1/traces"),
        HttpLogExporter(f"{http_at}/v1/logs"),
        HttpMetricExporter(f"{http_at}/v1/metrics"),
    )


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_the_python_sdk_exports_all_signals(
    collector: Telemetry, address: str, protocol: str
) -> None:
    name = f"by.the.sdk.over.{protocol}"
    spans, records, points = exporters(protocol, address, collector.collector_url)
    tracers, loggers = TracerProvider(), LoggerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    meters = MeterProvider(metric_readers=[PeriodicExportingMetricReader(points)])
    tracers.get_tracer("t").start_span(name).end()
    loggers.get_logger("l").emit(body=name)
    meters.get_meter("m").create_counter(name).add(1)
    for provider in (tracers, meters, loggers):
        provider.shutdown()
    for signal in ("traces", "logs", "metrics"):
        assert any(name.encode() in body for body in spooled(collector.spool, signal)), signal


def test_without_a_collector_a_sender_is_told_to_come_again(
    collector: Telemetry, channel: grpc.Channel
) -> None:
    collector.kill("collector")
    try:
        error = refused(channel, request("early"))
    finally:
        collector.start("collector")
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    details = dict(error.trailing_metadata()) | dict(error.initial_metadata())
    status, retry = Status.FromString(details["grpc-status-details-bin"]), RetryInfo()
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 2
