"""The one log format of our own processes: a JSON object a line on stdout."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from insightengine.core.settings import LogLevel

_QUIET = ("uvicorn.error", "uvicorn.access", "aiohttp.access", "httpx", "httpcore", "urllib3")


def configure(service: str, level: LogLevel) -> None:
    """Routes structlog, the standard library's logging and warnings to stdout as JSON lines.

    Keys: timestamp (RFC 3339, UTC), level, event, logger, service, and within a span trace_id and
    span_id. Give uvicorn `log_config=None`, so that it leaves this in place.
    """
    shared = _shared_processors(service)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.value.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _shared_processors(service: str) -> Sequence[Processor]:
    def with_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        with_service,
        _with_span,
    ]


def _with_span(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
        event["span_id"] = f"{context.span_id:016x}"
    return event
