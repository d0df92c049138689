"""What happens to an exception that nobody expected."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from opentelemetry import trace


async def log_unhandled(
    log: logging.Logger,
    request: Request,
    following: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Logs the traceback while the request's span is open, so that the line has its trace id."""
    try:
        return await following(request)
    except Exception as error:
        log.exception("request failed", extra={"path": request.url.path})
        trace.get_current_span().record_exception(error)
        raise
