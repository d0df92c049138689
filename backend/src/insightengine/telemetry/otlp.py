"""OTLP/HTTP receiver: parse check, spool, fsync, 200. A raw ASGI application.

Answers follow the OTLP specification: the type of the request, `google.rpc.Status` in errors, 503
with Retry-After for what may be sent again, other 4xx for what may not.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from insightengine.core.errors import InsightError
from insightengine.telemetry.messages import entries_of, parse, type_of_response
from insightengine.telemetry.otlp_body import JSON, PROTOBUF, decompressed, parse_json, too_large
from insightengine.telemetry.port import Signal
from insightengine.telemetry.spool import RETRY_AFTER_S, Spool, SpoolUnavailableError

AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]

_log = structlog.get_logger("telemetry.otlp")
_PATHS: Final = {f"/v1/{signal.value}": signal for signal in Signal}
_IN_THREAD_FROM_BYTES: Final = 256 * 1024
_BODIES_IN_MEMORY: Final = 8
_RPC_CODES: Final = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 8,
    HTTPStatus.METHOD_NOT_ALLOWED: 12,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 3,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class _HttpError(InsightError):
    def __init__(self, status: HTTPStatus, message: str, allow: str | None = None) -> None:
        super().__init__(message)
        self.http_status = status
        self.allow = allow


class OtlpReceiver:
    """`POST /v1/{traces,metrics,logs}`, `GET /healthz` and `GET /counters`."""

    def __init__(self, spool: Spool, max_body_bytes: int) -> None:
        self._spool = spool
        self._max_body_bytes = max_body_bytes
        self._bytes_in_memory = 0
        self._refusals: Counter[tuple[Signal, int]] = Counter()

    async def __call__(self, scope: AsgiMessage, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the receiver speaks HTTP, not {scope['type']}")
        await _send(await self._answer(scope, receive), send)

    def counters(self) -> dict[str, object]:
        """What was accepted and refused since the start, and what waits for the store."""
        signals = {
            signal.value: {
                **asdict(counters),
                "rejected": {
                    str(status): count
                    for (of, status), count in self._refusals.items()
                    if of is signal
                },
            }
            for signal, counters in self._spool.counters.items()
        }
        return {"signals": signals, "spooled_bytes": self._spool.spooled_bytes}

    async def _answer(self, scope: AsgiMessage, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        signal = _PATHS.get(scope["path"])
        content_type = _media_type(headers)
        try:
            if signal is None:
                return self._own_page(scope["method"], scope["path"])
            return await self._export(signal, scope["method"], headers, receive)
        except InsightError as error:
            if signal is not None:
                self._refusals[signal, int(error.http_status)] += 1
            return _error_answer(error, content_type)
        except Exception:
            _log.exception("request failed", path=scope["path"])
            failed = _HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "the collector failed; send again")
            return _error_answer(failed, content_type)

    def _own_page(self, method: str, path: str) -> Answer:
        if path not in ("/healthz", "/counters"):
            raise _HttpError(HTTPStatus.NOT_FOUND, f"no such path: {path}")
        if method != "GET":
            raise _HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"{path} answers GET", allow="GET")
        if path == "/counters":
            return _json_answer(self.counters())
        full = self._spool.is_full
        return _json_answer({"status": "degraded", "detail": "spool full"} if full else _OK)

    async def _export(
        self, signal: Signal, method: str, headers: Mapping[bytes, bytes], receive: Receive
    ) -> Answer:
        if method != "POST":
            raise _HttpError(
                HTTPStatus.METHOD_NOT_ALLOWED, f"/v1/{signal.value} answers POST", allow="POST"
            )
        content_type = _media_type(headers)
        if content_type not in (PROTOBUF, JSON):
            raise _HttpError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"content type {content_type or 'missing'!r}; expected {PROTOBUF} or {JSON}",
            )
        encoding = headers.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise _HttpError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"content encoding {encoding!r}; expected gzip or none",
            )
        await self._store(signal, content_type, encoding, headers, receive)
        return _message_answer(type_of_response[signal](), content_type)

    async def _store(
        self,
        signal: Signal,
        content_type: str,
        encoding: str,
        headers: Mapping[bytes, bytes],
        receive: Receive,
    ) -> None:
        held = 0
        try:
            chunks: list[bytes] = []
            self._check_announced(headers)
            async for chunk in _chunks(receive):
                held += len(chunk)
                self._hold(len(chunk), held)
                chunks.append(chunk)
            body = b"".join(chunks)
            payload, entries = await self._checked(signal, content_type, encoding, body)
            if entries:
                await self._spool.append(signal, payload, entries)
        finally:
            self._bytes_in_memory -= held

    def _check_announced(self, headers: Mapping[bytes, bytes]) -> None:
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            raise too_large(self._max_body_bytes)

    def _hold(self, more: int, held: int) -> None:
        self._bytes_in_memory += more
        if held > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        if self._bytes_in_memory > _BODIES_IN_MEMORY * self._max_body_bytes:
            raise SpoolUnavailableError("too many large requests at once", code="busy")

    async def _checked(
        self, signal: Signal, content_type: str, encoding: str, body: bytes
    ) -> tuple[bytes, int]:
        def check() -> tuple[bytes, int]:
            plain = decompressed(body, encoding, self._max_body_bytes)
            return checked(signal, content_type, plain)

        if len(body) >= _IN_THREAD_FROM_BYTES:
            return await asyncio.to_thread(check)
        return check()


_OK: Final = {"status": "ok"}


def checked(signal: Signal, content_type: str, body: bytes) -> tuple[bytes, int]:
    """The request as protobuf bytes, and its number of entries; raises InvalidInputError."""
    if content_type == JSON:
        message = parse_json(signal, body)
        return message.SerializeToString(), entries_of(message)
    return body, entries_of(parse(signal, body))


async def _chunks(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise _HttpError(HTTPStatus.BAD_REQUEST, "the sender went away within the body")
        if event.get("body"):
            yield event["body"]
        if not event.get("more_body"):
            return


def _media_type(headers: Mapping[bytes, bytes]) -> str:
    return headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()


def _error_answer(error: InsightError, content_type: str) -> Answer:
    status = HTTPStatus(error.http_status)
    message = Status(code=_RPC_CODES.get(status, 2), message=error.message)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers = ((b"retry-after", str(RETRY_AFTER_S).encode()),)
    if isinstance(error, _HttpError) and error.allow:
        headers = ((b"allow", error.allow.encode()),)
    return _message_answer(message, content_type, status, headers)


def _message_answer(
    message: Message,
    content_type: str,
    status: HTTPStatus = HTTPStatus.OK,
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Answer:
    if content_type == JSON:
        body = json.dumps(MessageToDict(message)).encode()
        return Answer(status, JSON, body, headers)
    return Answer(status, PROTOBUF, message.SerializeToString(), headers)


def _json_answer(content: Mapping[str, object]) -> Answer:
    return Answer(HTTPStatus.OK, JSON, json.dumps(content).encode())


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
