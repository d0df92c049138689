"""A store process over records that were inserted before it started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from insightengine.core.settings import StateFolder
from insightengine.core.time import to_ns
from insightengine.telemetry import segments
from insightengine.telemetry.insertion import Inserter
from insightengine.telemetry.port import Signal
from insightengine.telemetry.store_engine import EngineLimits, StoreEngine
from tests.contracts.store_harness import Telemetry, telemetry

NOW = datetime.now(UTC).replace(microsecond=0)
Attributes = Mapping[str, str | int | float]


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


@dataclass
class Records:
    """Requests as senders would make them, one resource a record."""

    logs: ExportLogsServiceRequest = field(default_factory=ExportLogsServiceRequest)
    spans: ExportTraceServiceRequest = field(default_factory=ExportTraceServiceRequest)
    metrics: ExportMetricsServiceRequest = field(default_factory=ExportMetricsServiceRequest)

    def log(
        self,
        at: datetime,
        body: str,
        *,
        service: str = "web",
        severity: int = 9,
        attributes: Attributes | None = None,
        resource: Attributes | None = None,
        of: tuple[int, int] | None = None,
    ) -> None:
        """`of` is the trace and the span that it was written in."""
        entry = self.logs.resource_logs.add()
        describe(entry.resource, {"service.name": service, **(resource or {})})
        record = entry.scope_logs.add().log_records.add(
            time_unix_nano=to_ns(at), severity_number=severity
        )
        record.body.string_value = body
        if of is not None:
            record.trace_id, record.span_id = of[0].to_bytes(16, "big"), of[1].to_bytes(8, "big")
        describe(record, attributes or {})

    def request(self, at: datetime, *, route: str = "/", status: int = 200, ms: int = 20) -> None:
        """As the edge tells it."""
        self.log(
            at,
            f"GET {route} {status}",
            service="edge",
            attributes={
                "site": "shop",
                "service": "web",
                "release": "r1",
                "colour": "blue",
                "method": "GET",
                "route": route,
                "path": route,
                "status": str(status),
                "duration_s": str(ms / 1000),
                "bytes_sent": "1000",
                "request_id": f"{to_ns(at):x}",
            },
        )

    def span(
        self,
        at: datetime,
        trace: int,
        span: int,
        *,
        parent: int = 0,
        name: str = "GET /",
        service: str = "web",
        kind: Span.SpanKind.ValueType = Span.SPAN_KIND_SERVER,
        ms: float = 10,
        is_error: bool = False,
        attributes: Attributes | None = None,
    ) -> Span:
        entry = self.spans.resource_spans.add()
        describe(entry.resource, {"service.name": service})
        begin = to_ns(at)
        made = entry.scope_spans.add().spans.add(
            start_time_unix_nano=begin,
            end_time_unix_nano=begin + round(ms * 1e6),
            name=name,
            kind=kind,
            trace_id=trace.to_bytes(16, "big"),
            span_id=span.to_bytes(8, "big"),
            parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        )
        if is_error:
            made.status.code = 2
        describe(made, attributes or {})
        return made

    def metric(
        self, name: str, *, service: str = "web", resource: Attributes | None = None
    ) -> Metric:
        entry = self.metrics.resource_metrics.add()
        describe(entry.resource, {"service.name": service, **(resource or {})})
        return entry.scope_metrics.add().metrics.add(name=name)

    def insert(self, engine: Inserter, folder: Path) -> None:
        counts: dict[Signal, tuple[Message, int]] = {
            Signal.LOGS: (self.logs, len(self.logs.resource_logs)),
            Signal.TRACES: (self.spans, len(self.spans.resource_spans)),
            Signal.METRICS: (self.metrics, len(self.metrics.resource_metrics)),
        }
        for signal, (message, count) in counts.items():
            if count:
                file = folder / f"{signal.value}.pb"
                file.write_bytes(segments.encode(message.SerializeToString(), count))
                engine.insert(signal, file, f"{signal.value}-{id(self):x}")


def describe(target: Resource | Message, attributes: Attributes) -> None:
    for key, value in attributes.items():
        given = target.attributes.add(key=key).value  # type: ignore[union-attr]
        if isinstance(value, str):
            given.string_value = value
        elif isinstance(value, int):
            given.int_value = value
        else:
            given.double_value = value


LIMITS = EngineLimits(memory_bytes=256 * 1024**2, query_timeout_s=20)


@contextmanager
def filled(root: Path, *parts: Records) -> Iterator[Telemetry]:
    """Each part is an insert of its own."""
    engine = StoreEngine(StateFolder(root).store, LIMITS)
    for records in parts:
        records.insert(engine, root)
    engine.close()
    with telemetry(root, INSIGHT_TELEMETRY_RETENTION_DAYS="400") as processes:
        processes.start("store")
        yield processes
