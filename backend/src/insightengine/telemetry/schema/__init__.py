"""Tables of the telemetry store, as versioned migrations. Owner of every name in the database."""

from __future__ import annotations

from insightengine.telemetry.schema.names import (
    DATABASE,
    DELETIONS,
    EDGE_REQUESTS,
    EDGE_SERVICE,
    EXCEPTIONS,
    HOSTS,
    LOG_FACETS,
    LOG_MINUTES,
    LOGS,
    METRICS,
    OPERATION_MINUTES,
    OWN_NAMESPACE,
    OWN_SITES,
    REQUEST_MINUTES,
    RETENTION,
    SERIES,
    SPANS,
    TRACE_INDEX,
    TRACES,
    USER,
)

__all__ = [
    "DATABASE",
    "DELETIONS",
    "EDGE_REQUESTS",
    "EDGE_SERVICE",
    "EXCEPTIONS",
    "HOSTS",
    "LOGS",
    "LOG_FACETS",
    "LOG_MINUTES",
    "METRICS",
    "OPERATION_MINUTES",
    "OWN_NAMESPACE",
    "OWN_SITES",
    "REQUEST_MINUTES",
    "RETENTION",
    "SERIES",
    "SPANS",
    "TRACES",
    "TRACE_INDEX",
    "USER",
]
