"""Questions about telemetry: decided as SQL purely, then asked of a `TelemetryStore`."""

from __future__ import annotations

from insightengine.telemetry.query.asker import Asker
from insightengine.telemetry.query.filters import (
    LogFilter,
    TraceFilter,
    log_filter,
    trace_filter,
)
from insightengine.telemetry.query.ranges import resolve_range
from insightengine.telemetry.query.search import MetricQueries, SearchQueries
from insightengine.telemetry.query.service import TelemetryQueries

__all__ = [
    "Asker",
    "LogFilter",
    "MetricQueries",
    "SearchQueries",
    "TelemetryQueries",
    "TraceFilter",
    "log_filter",
    "resolve_range",
    "trace_filter",
]
