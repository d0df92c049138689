"""What tests of the receiver send, and what it kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from insightengine.telemetry import segments

MAX_BODY: Final = 100_000
MAX_MESSAGE: Final = 50_000
PROTOBUF: Final = {"content-type": "application/x-protobuf"}
JSON: Final = {"content-type": "application/json"}


def trace_request(spans: int = 1) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(spans):
        scope.spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, name="GET /")
    return request


def spooled(folder: Path) -> list[bytes]:
    found: list[bytes] = []
    for path in folder.glob("*.open"):
        content = path.read_bytes()
        found += [content[r.request_start : r.end] for r in segments.scan(content).records]
    return found
