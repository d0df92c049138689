"""A steady stream of OTLP records into the collector, from a process of its own."""

from __future__ import annotations

import http.client
import multiprocessing
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_BATCH = 1000
_TIME = 0x1112131415161718  # stands for the time of sending, and is replaced by it
_LATER = _TIME + 1


@dataclass
class Arrivals:
    """What was acknowledged so far."""

    records: Synchronized[int]

    def count(self) -> int:
        return self.records.value


@contextmanager
def arriving(port: int, records_per_s: int) -> Iterator[Arrivals]:
    """Half of them logs, half of them spans; a batch that is not acknowledged is not counted."""
    arrivals = Arrivals(multiprocessing.Value("q", 0))
    sender = multiprocessing.Process(
        target=_send, args=(port, records_per_s, arrivals.records), daemon=True
    )
    if records_per_s:
        sender.start()
    try:
        yield arrivals
    finally:
        if records_per_s:
            sender.terminate()
            sender.join()


def _send(port: int, records_per_s: int, acknowledged: Synchronized[int]) -> None:
    batches = (("/v1/logs", _logs()), ("/v1/traces", _spans()))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    begun, sent = time.monotonic(), 0
    while True:
        path, body = batches[sent % 2]
        now = time.time_ns()
        stamped = body.replace(struct.pack("<Q", _TIME), struct.pack("<Q", now))
        stamped = stamped.replace(struct.pack("<Q", _LATER), struct.pack("<Q", now + 12_000_000))
        connection.request("POST", path, stamped, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            with acknowledged.get_lock():
                acknowledged.value += _BATCH
        sent += 1
        ahead_s = begun + sent * _BATCH / records_per_s - time.monotonic()
        if ahead_s > 0:
            time.sleep(ahead_s)


def _logs() -> bytes:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    _describe(resource.resource)
    scope = resource.scope_logs.add()
    for n in range(_BATCH):
        record = scope.log_records.add(time_unix_nano=_TIME, severity_number=9)
        record.severity_text = "INFO"
        record.body.string_value = f"order {n * 7919 % 99991} accepted after {n % 90} ms"
        record.trace_id = struct.pack(">QQ", 77, n // 5)
        record.attributes.add(key="user.id").value.int_value = n % 317
        record.attributes.add(key="http.route").value.string_value = "/api/v1/orders"
    return request.SerializeToString()


def _spans() -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _describe(resource.resource)
    scope = resource.scope_spans.add()
    for n in range(_BATCH):
        span = scope.spans.add(start_time_unix_nano=_TIME, end_time_unix_nano=_LATER, kind=2)
        span.name = f"GET /{('orders', 'products', 'basket', 'search')[n % 4]}"
        span.trace_id, span.span_id = struct.pack(">QQ", 77, n // 5), struct.pack(">Q", n + 1)
        span.attributes.add(key="http.response.status_code").value.int_value = 200
        span.attributes.add(key="url.path").value.string_value = f"/orders/{n}"
    return request.SerializeToString()


def _describe(resource: object) -> None:
    for key, value in (("service.name", "arriving"), ("service.version", "1.0.0")):
        resource.attributes.add(key=key).value.string_value = value  # type: ignore[attr-defined]
