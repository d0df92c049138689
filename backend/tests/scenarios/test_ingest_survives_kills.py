"""Collector and store are killed under load; what was acknowledged is stored, once."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.contracts.store_harness import Telemetry, eventually, telemetry

ENTRIES = 7
ROUNDS = 2


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Telemetry]:
    with telemetry(tmp_path / "state", INSIGHT_SPOOL_SEGMENT_AGE_S="0.1") as running:
        running.start("store")
        running.start("collector")
        yield running


def pair(key: str, value: str) -> KeyValue:
    made = KeyValue(key=key)
    made.value.string_value = value
    return made


def spans(identity: str) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.append(pair("service.name", "load"))
    scope = resource.scope_spans.add()
    for _ in range(ENTRIES):
        span = scope.spans.add(
            trace_id=uuid.uuid4().bytes, span_id=b"\x01" * 8, start_time_unix_nano=time.time_ns()
        )
        span.attributes.append(pair("request", identity))
    return request.SerializeToString()


def edge_logs(identity: str) -> bytes:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.append(pair("service.name", "edge"))
    scope = resource.scope_logs.add()
    for _ in range(ENTRIES):
        record = scope.log_records.add(time_unix_nano=time.time_ns())
        record.attributes.extend([pair("request_id", identity), pair("status", "200")])
    return request.SerializeToString()


@dataclass
class Sender:
    """Sends without pause and never again what was not acknowledged."""

    port: int
    path: str
    stop: threading.Event
    acknowledged: set[str] = field(default_factory=set)
    in_doubt: int = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            while not self.stop.is_set():
                try:
                    self.send(connection)
                except (OSError, http.client.HTTPException):
                    self.in_doubt += 1
                    connection.close()
                    self.stop.wait(0.02)

    def send(self, connection: http.client.HTTPConnection) -> None:
        identity = uuid.uuid4().hex
        body = spans(identity) if self.path == "/v1/traces" else edge_logs(identity)
        connection.request("POST", self.path, body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            self.acknowledged.add(identity)


def wait_for_more(senders: list[Sender]) -> None:
    before = sum(len(sender.acknowledged) for sender in senders)

    def has_more() -> bool:
        return sum(len(sender.acknowledged) for sender in senders) > before + 100

    eventually(has_more, 20, "requests are acknowledged")


def wait_for_rows(processes: Telemetry, table: str) -> None:
    eventually(lambda: processes.count(table, "ServiceName = 'sdk'") > 0, 10, f"{table} has rows")


def stored(processes: Telemetry, table: str, column: str) -> dict[str, int]:
    answer = processes.ask(
        f"SELECT {column} AS id, count() FROM {table} GROUP BY id HAVING id != ''"
    )
    pairs = (line.split("\t") for line in answer.splitlines())
    return {identity: int(count) for identity, count in pairs}


def is_drained(processes: Telemetry) -> bool:
    return not list(processes.spool.glob("*.pb")) and not list(processes.spool.glob("*.open"))


def test_kill_9_of_collector_and_store_loses_and_doubles_nothing(processes: Telemetry) -> None:
    stop = threading.Event()
    port = int(processes.collector_url.rsplit(":", 1)[1])
    senders = [Sender(port, path, stop) for path in ("/v1/traces", "/v1/traces", "/v1/logs")]
    threads = [threading.Thread(target=sender.run) for sender in senders]
    for thread in threads:
        thread.start()
    try:
        for victim in ("collector", "store") * ROUNDS:
            wait_for_more(senders)
            processes.kill(victim)
            processes.start(victim)
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)
    assert processes.stop("collector") == 0
    eventually(lambda: is_drained(processes), 30, "the spool is drained")

    traces = senders[0].acknowledged | senders[1].acknowledged
    for acknowledged, table, column in (
        (traces, "spans", "SpanAttributes['request']"),
        (senders[2].acknowledged, "logs", "LogAttributes['request_id']"),
        (senders[2].acknowledged, "edge_requests", "RequestId"),
    ):
        found = stored(processes, table, column)
        assert acknowledged - found.keys() == set(), f"acknowledged, but not in {table}"
        assert set(found.values()) == {ENTRIES}, f"torn or doubled in {table}"
    assert not (processes.spool / "set-aside").exists() or all(
        "torn tail" in report.read_text()
        for report in (processes.spool / "set-aside").glob("*.json")
    )


def test_a_corrupt_segment_is_set_aside_and_reported_while_the_rest_arrives(
    processes: Telemetry,
) -> None:
    processes.kill("store")
    port = int(processes.collector_url.rsplit(":", 1)[1])
    identities = [uuid.uuid4().hex for _ in range(3)]
    for identity in identities:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Content-Type": "application/x-protobuf"}
        connection.request("POST", "/v1/traces", spans(identity), headers)
        assert connection.getresponse().status == 200
        connection.close()
    assert processes.stop("collector") == 0
    (segment, *_) = sorted(processes.spool.glob("traces-*.pb"))
    content = bytearray(segment.read_bytes())
    content[content.index(identities[0].encode())] ^= 0xFF
    segment.write_bytes(content)
    processes.start("store")
    eventually(lambda: is_drained(processes), 20, "the spool is drained")
    found = stored(processes, "spans", "SpanAttributes['request']")
    assert found == dict.fromkeys(identities[1:], ENTRIES)
    assert processes.store_counters()["traces"]["set_aside_stretches"] == 1
    assert "checksum mismatch" in processes.log("store")


def test_the_python_sdk_sends_all_three_signals(processes: Telemetry) -> None:
    resource = Resource.create({"service.name": "sdk", "process.command_args": ["a", "b"]})
    url = processes.collector_url
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{url}/v1/metrics"))
    meters = MeterProvider(resource=resource, metric_readers=[reader])
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs")))
    with tracers.get_tracer("t").start_as_current_span("pay") as span:
        span.set_attributes({"cart.items": [1, 2], "paid": True})
        loggers.get_logger("l").emit(body="charged", severity_text="INFO")
    meters.get_meter("m").create_histogram("pay.duration", unit="s").record(0.2)
    for provider in (tracers, meters, loggers):
        provider.shutdown()
    for table in ("spans", "metrics", "logs"):
        wait_for_rows(processes, table)
    assert (
        processes.ask(
            "SELECT SpanName, SpanAttributes['cart.items'], SpanAttributes['paid'], "
            "ResourceAttributes['process.command_args'] FROM spans WHERE ServiceName = 'sdk'"
        )
        == 'pay\t[1,2]\ttrue\t["a","b"]'
    )
    trace_id = processes.ask("SELECT TraceId FROM spans WHERE ServiceName = 'sdk'")
    assert processes.count("logs", f"TraceId = '{trace_id}' AND Body = 'charged'") == 1
    assert processes.count("metrics", "MetricName = 'pay.duration' AND Count = 1") == 1
