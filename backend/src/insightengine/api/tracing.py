"""The API's own spans, sent to the collector like any application's."""

from __future__ import annotations

import logging
import os
import socket

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from insightengine.telemetry.schema import OWN_NAMESPACE


def install_tracing(app: FastAPI, collector_url: str, release: str, colour: str) -> TracerProvider:
    """Batches in the background; while the collector is away spans are dropped, not requests."""
    logging.getLogger("opentelemetry.exporter.otlp").setLevel(logging.CRITICAL)
    logging.getLogger("opentelemetry.sdk.trace.export").setLevel(logging.CRITICAL)
    provider = TracerProvider(
        resource=Resource.create(
            {
                "service.name": "api",
                "service.namespace": OWN_NAMESPACE,
                "service.version": release,
                "insight.release": release,
                "insight.colour": colour,
                "host.name": socket.gethostname(),
                "process.pid": os.getpid(),
            }
        )
    )
    exporter = OTLPSpanExporter(f"{collector_url}/v1/traces", timeout=2)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    FastAPIInstrumentor.instrument_app(
        app,
        tracer_provider=provider,
        excluded_urls="/api/health/.*",
        exclude_spans=["receive", "send"],
    )
    return provider
