"""OTLP/HTTP: which requests are taken, and how the outcome is told.

Answers follow the OTLP specification: the type of the request, `google.rpc.Status` in errors, 503
with Retry-After for what may be sent again, other 4xx for what may not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from insightengine.core.errors import InsightError
from insightengine.telemetry.messages import response_of
from insightengine.telemetry.port import Signal
from insightengine.telemetry.receive.body import Encoding, MediaType, too_large
from insightengine.telemetry.receive.exchange import Answer, Head
from insightengine.telemetry.receive.intake import ACCEPTED, Intake, Outcome, Request
from insightengine.telemetry.spool import RETRY_AFTER_S, SpoolUnavailableError

_PATHS: Final = {f"/v1/{signal.value}": signal for signal in Signal}
_MEDIA_TYPES: Final = {media_type.value: media_type for media_type in MediaType}
_ENCODINGS: Final = {"": Encoding.NONE, **{encoding.value: encoding for encoding in Encoding}}
_OWN_PAGES: Final = frozenset({"/healthz", "/counters"})
_RPC_CODES: Final = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 8,
    HTTPStatus.METHOD_NOT_ALLOWED: 12,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: 3,
    HTTPStatus.SERVICE_UNAVAILABLE: 14,
}


class HttpError(InsightError):
    """A request that is refused by its head alone."""

    def __init__(self, status: HTTPStatus, message: str, allow: str = "") -> None:
        super().__init__(message)
        self.http_status = status
        self.allow = allow


class OtlpHttp:
    """`POST /v1/{traces,metrics,logs}`, `GET /healthz` and `GET /counters`; a `http1.Handler`."""

    def __init__(self, intake: Intake, max_body_bytes: int) -> None:
        self._intake = intake
        self._max_body_bytes = max_body_bytes

    def refusal(self, head: Head) -> Answer | None:
        signal = _PATHS.get(head.path)
        try:
            if signal is None:
                _check_own_page(head)
            else:
                _check_export(signal, head)
        except HttpError as error:
            return self._refused(head, error)
        return None

    def handle(self, head: Head, body: bytes, answer: Callable[[Answer], None]) -> None:
        signal, media_type, encoding = _PATHS.get(head.path), media_type_of(head), encoding_of(head)
        if signal is None or media_type is None or encoding is None:
            answer(self._own_page(head.path))
            return
        request = Request(signal, media_type, encoding, body)

        def done(outcome: Outcome) -> None:
            if outcome is ACCEPTED:
                answer(_ACCEPTED[signal, media_type])
            elif isinstance(outcome, InsightError):
                answer(_error_answer(outcome, media_type))
            else:
                message = response_of(signal, outcome.rejected, outcome.message)
                answer(_message_answer(message, media_type))

        self._intake.receive(request, done)

    def malformed(self, message: str) -> Answer:
        return _error_answer(HttpError(HTTPStatus.BAD_REQUEST, message), MediaType.JSON)

    def too_large(self, head: Head) -> Answer:
        return self._refused(head, too_large(self._max_body_bytes))

    def busy(self, head: Head) -> Answer:
        busy = SpoolUnavailableError("too many large requests at once", code="busy")
        return self._refused(head, busy)

    def _refused(self, head: Head, error: InsightError) -> Answer:
        signal = _PATHS.get(head.path)
        if signal is not None:
            self._intake.refuse(signal, error, lambda outcome: None)
        return _error_answer(error, media_type_of(head) or MediaType.PROTOBUF)

    def _own_page(self, path: str) -> Answer:
        if path == "/counters":
            return _json_answer(self._intake.counters())
        if self._intake.is_full:
            return _json_answer({"status": "degraded", "detail": "spool full"})
        return _json_answer({"status": "ok"})


def media_type_of(head: Head) -> MediaType | None:
    return _MEDIA_TYPES.get(head.header(b"content-type").partition(";")[0].strip().lower())


def encoding_of(head: Head) -> Encoding | None:
    return _ENCODINGS.get(head.header(b"content-encoding").lower())


def _check_own_page(head: Head) -> None:
    if head.path not in _OWN_PAGES:
        raise HttpError(HTTPStatus.NOT_FOUND, f"no such path: {head.path}")
    if head.method not in ("GET", "HEAD"):
        raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"{head.path} answers GET", "GET")


def _check_export(signal: Signal, head: Head) -> None:
    if head.method != "POST":
        raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"{head.path} answers POST", "POST")
    if media_type_of(head) is None:
        found = head.header(b"content-type") or "missing"
        raise HttpError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type {found!r}; expected {' or '.join(MediaType)}",
        )
    if encoding_of(head) is None:
        found = head.header(b"content-encoding")
        raise HttpError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content encoding {found!r}; expected one of {', '.join(Encoding)}",
        )


def _error_answer(error: InsightError, media_type: MediaType) -> Answer:
    status = HTTPStatus(error.http_status)
    message = Status(code=_RPC_CODES.get(status, 2), message=error.message)
    headers: tuple[tuple[str, str], ...] = ()
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers = (("Retry-After", str(RETRY_AFTER_S)),)
    if isinstance(error, HttpError) and error.allow:
        headers = (("Allow", error.allow),)
    return _message_answer(message, media_type, status, headers)


def _message_answer(
    message: Message,
    media_type: MediaType,
    status: HTTPStatus = HTTPStatus.OK,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    if media_type is MediaType.PROTOBUF:
        return Answer(status, MediaType.PROTOBUF, message.SerializeToString(), headers)
    body = json.dumps(MessageToDict(message)).encode()
    return Answer(status, MediaType.JSON, body, headers)


def _json_answer(content: Mapping[str, object]) -> Answer:
    return Answer(HTTPStatus.OK, MediaType.JSON, json.dumps(content).encode())


_ACCEPTED: Final = {
    (signal, media_type): _message_answer(response_of(signal), media_type)
    for signal in Signal
    for media_type in MediaType
}
