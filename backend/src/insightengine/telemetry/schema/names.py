"""Names in the store's database. Their owner is this package."""

from __future__ import annotations

from typing import Final

DATABASE: Final = "insight"
USER: Final = "insight"

# What is inserted.
LOGS: Final = "logs"
SPANS: Final = "spans"
METRICS: Final = "metrics"

# What the store derives of it.
EDGE_REQUESTS: Final = "edge_requests"
REQUEST_MINUTES: Final = "request_minutes"
SERVICE_MINUTES: Final = "service_minutes"
OPERATION_MINUTES: Final = "operation_minutes"
LOG_MINUTES: Final = "log_minutes"
LOG_FACETS: Final = "log_facets"
LOG_PATTERNS: Final = "log_patterns"
EXCEPTIONS: Final = "exceptions"
TRACE_INDEX: Final = "trace_index"
TRACES: Final = "traces"
SERIES: Final = "series"
HOSTS: Final = "hosts"

# What was decided about it.
RETENTION: Final = "retention"
DELETIONS: Final = "deletions"

EDGE_SERVICE: Final = "edge"
OWN_NAMESPACE: Final = "insightengine"  # `service.namespace` of what the platform's own parts send
OWN_SITES: Final = ("console", "otlp")  # what the edge serves besides applications
