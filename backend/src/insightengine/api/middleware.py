"""Around every request: its id, a limit on its size, and one line in the log. Plain ASGI."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from insightengine.api.problems import problem_response

MAX_BODY_BYTES = 1024 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_log = structlog.get_logger("api.access")


class BodyTooLargeError(Exception):
    """More than `MAX_BODY_BYTES` arrived."""


class RequestFrame:
    """Outermost: a fault inside is answered as a Problem and logged with its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            await self._app(scope, _limited(scope, receive), send_framed)
        except BodyTooLargeError:
            detail = f"the body is larger than {MAX_BODY_BYTES} bytes"
            response = problem_response(Request(scope), 413, "body_too_large", detail)
            await response(scope, receive, send_framed)
        except Exception:
            # Starlette has answered with a Problem; the traceback belongs into our log.
            _log.exception("request failed", path=scope["path"], request_id=request_id)
        finally:
            self._tell(scope, status, time.perf_counter() - started, request_id)

    def _tell(self, scope: Scope, status: int, took_s: float, request_id: str) -> None:
        if scope["path"].startswith("/api/health/") and status < 400:
            return
        span = trace.get_current_span().get_span_context()
        _log.info(
            f"{scope['method']} {scope['path']} {status}",
            method=scope["method"],
            path=scope["path"],
            status=status,
            duration_ms=round(took_s * 1000, 1),
            request_id=request_id,
            **({"trace_id": f"{span.trace_id:032x}"} if span.is_valid else {}),
        )


def _request_id(headers: Headers) -> str:
    given = headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Refuses what is declared too large at once, and what turns out to be when it does."""
    declared = Headers(scope=scope).get("Content-Length", "0")
    left = MAX_BODY_BYTES

    async def receive_limited() -> Message:
        nonlocal left
        if declared.isdigit() and int(declared) > MAX_BODY_BYTES:
            raise BodyTooLargeError
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise BodyTooLargeError
        return message

    return receive_limited
