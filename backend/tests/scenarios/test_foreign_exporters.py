"""Clients that nobody here wrote: OpenTelemetry's SDKs for Python and JavaScript."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.scenarios.platform import Platform, eventually

_WHERE = "ServiceName = 'javascript-client'"
_LOGS = f"SELECT Body, SeverityNumber FROM logs WHERE {_WHERE} ORDER BY Body"
_POINTS = (
    "SELECT DISTINCT MetricName, Value, ValueTypes[-1] AS how FROM metrics "
    f"WHERE {_WHERE} ORDER BY MetricName"
)
JAVASCRIPT = Path(__file__).parent / "javascript"


def spans_of(platform: Platform, service: str) -> list[dict[str, Any]]:
    return platform.sql(
        "SELECT SpanName, StatusCode, SpanAttributes, Events.Name AS events FROM spans"
        f" WHERE ServiceName = '{service}' ORDER BY SpanName"
    )


@pytest.mark.parametrize("protocol", ["plain", "gzip", "grpc"])
def test_the_python_sdk_exports_spans(demo: Platform, protocol: str) -> None:
    service = f"python-client-{protocol}"
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    exporter: SpanExporter
    if protocol == "grpc":
        exporter = GrpcSpanExporter(demo.otlp_grpc, insecure=True)
    else:
        compression = Compression.Gzip if protocol == "gzip" else Compression.NoCompression
        exporter = OTLPSpanExporter(f"{demo.otlp}/v1/traces", compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    for number in range(100):
        with tracer.start_as_current_span("work", attributes={"number": number}):
            pass
    assert provider.force_flush()
    provider.shutdown()

    eventually(lambda: len(spans_of(demo, service)) == 100, 15, "all spans of the Python SDK")
    numbers = sorted(int(row["SpanAttributes"]["number"]) for row in spans_of(demo, service))
    assert numbers == list(range(100))


def is_installed() -> bool:
    """What npm noted of its last installation is not older than what is to be installed."""
    noted = JAVASCRIPT / "node_modules/.package-lock.json"
    wanted = JAVASCRIPT / "package-lock.json"
    return noted.exists() and noted.stat().st_mtime >= wanted.stat().st_mtime


def test_the_javascript_sdk_exports_traces_logs_and_metrics(demo: Platform) -> None:
    npm, node = shutil.which("npm"), shutil.which("node")
    assert npm, "npm is needed for this test"
    assert node, "Node.js is needed for this test"
    if not is_installed():
        install = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(install, cwd=JAVASCRIPT, check=True, timeout=110)
    sent = subprocess.run(
        [node, "send.mjs"],
        cwd=JAVASCRIPT,
        env={
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": demo.otlp,
            "OTLP_GRPC_ENDPOINT": demo.otlp_grpc,
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert sent.returncode == 0, sent.stderr

    spans = eventually(
        lambda: found if len(found := spans_of(demo, "javascript-client")) == 3 else None,
        15,
        "all traces of the JavaScript SDK",
    )
    names = [span["SpanName"] for span in spans]
    assert names == ["sent as grpc", "sent as json", "sent as protobuf"]
    for span in spans:
        assert span["StatusCode"] == "error"
        assert span["events"] == ["exception"]
        assert span["SpanAttributes"]["answer"] == "42"
        assert span["SpanAttributes"]["tags"] == '["a","b"]'

    logs = eventually(lambda: found if len(found := demo.sql(_LOGS)) == 2 else None, 15, "the logs")
    assert logs == [
        {"Body": f"sent over {protocol}", "SeverityNumber": 17} for protocol in ("grpc", "http")
    ]
    # Cumulative counters: one point each for the flush and the end of the program.
    points = eventually(
        lambda: found if len(found := demo.sql(_POINTS)) == 2 else None, 15, "the counters"
    )
    assert points == [
        {"MetricName": f"javascript.sent.{protocol}", "Value": 7, "how": "d"}
        for protocol in ("grpc", "http")
    ]


def test_the_shop_is_traced_by_instrumentations_that_it_did_not_write(demo: Platform) -> None:
    """FastAPI, psycopg, redis and httpx, each instrumented by OpenTelemetry's own package."""
    wanted = {
        f"opentelemetry.instrumentation.{name}" for name in ("fastapi", "psycopg", "redis", "httpx")
    }

    def scopes() -> set[str]:
        return {row["ScopeName"] for row in demo.sql("SELECT DISTINCT ScopeName FROM spans")}

    eventually(lambda: wanted <= scopes(), 60, f"spans of {sorted(wanted)}")
