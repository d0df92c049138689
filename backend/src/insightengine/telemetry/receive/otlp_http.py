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
from insightengine.telemetry.receive.body import Encoding, MediaType
from insightengine.telemetry.receive.cross_origin import CrossOrigin
from insightengine.telemetry.receive.exchange import Answer, Head
from insightengine.telemetry.receive.intake import ACCEPTED, Intake, Outcome, Request, retry_after_s

_PATHS: Final = {f"/v1/{signal.value}": signal for signal in Signal}
_MEDIA_TYPES: Final = {
    **{media_type.value: media_type for media_type in MediaType},
    "application/protobuf": MediaType.PROTOBUF,
    "application/jsonl": MediaType.JSON_LINES,
}
_ENCODINGS: Final = {"": Encoding.NONE, **{encoding.value: encoding for encoding in Encoding}}
_OK: Final = {"status": "ok"}
_OWN_PAGES: Final = frozenset({"/healthz", "/counters"})
_RPC_CODES: Final = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.TOO_MANY_REQUESTS: 8,
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
    """`POST /v1/{traces,metrics,logs}`, `GET /healthz` and `GET /counters`."""

    def __init__(self, intake: Intake, cross_origin: CrossOrigin) -> None:
        self._intake = intake
        self._cross_origin = cross_origin

    def refusal(self, head: Head) -> Answer | None:
        signal = _PATHS.get(head.path)
        if signal is not None and head.method == "OPTIONS":
            return self._cross_origin.preflight(head)
        try:
            if signal is None:
                _check_own_page(head)
                return None
            _check_export(signal, head)
        except HttpError as error:
            return self.refused(head, error)
        stranger = self._intake.stranger(head)
        return None if stranger is None else self.refused(head, stranger)

    def handle(self, head: Head, body: bytes, answer: Callable[[Answer], None]) -> None:
        signal, media_type, encoding = _PATHS.get(head.path), media_type_of(head), encoding_of(head)
        if signal is None or media_type is None or encoding is None:
            answer(self._own_page(head.path))
            return
        request = Request(signal, media_type, encoding, body, self._intake.key_of(head))

        def done(outcome: Outcome) -> None:
            if outcome is ACCEPTED:
                told = _ACCEPTED[signal, media_type]
            elif isinstance(outcome, InsightError):
                told = _error_answer(outcome, media_type)
            else:
                message = response_of(signal, outcome.rejected, outcome.message)
                told = _message_answer(message, media_type)
            if b"origin" in head.headers:
                told = told.with_headers(self._cross_origin.fields(head))
            answer(told)

        self._intake.receive(request, done)

    def malformed(self, message: str) -> Answer:
        return _error_answer(HttpError(HTTPStatus.BAD_REQUEST, message), MediaType.JSON)

    def refused(self, head: Head, error: InsightError) -> Answer:
        signal = _PATHS.get(head.path)
        if signal is not None:
            self._intake.refuse(signal, error, lambda outcome: None)
        answer = _error_answer(error, media_type_of(head) or MediaType.PROTOBUF)
        return answer.with_headers(self._cross_origin.fields(head))

    def _own_page(self, path: str) -> Answer:
        if path == "/counters":
            return _json_answer(self._intake.counters())
        trouble = self._intake.trouble
        return _json_answer({"status": "degraded", "detail": trouble} if trouble else _OK)


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
    if media_type_of(head) is MediaType.JSON_LINES and signal is not Signal.LOGS:
        raise HttpError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON lines are taken for logs only")
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
    seconds = retry_after_s(error)
    if seconds is not None:
        headers = (("Retry-After", str(seconds)),)
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
    body = json.dumps(MessageToDict(message)).encode()  # also for JSON lines
    return Answer(status, MediaType.JSON, body, headers)


def _json_answer(content: Mapping[str, object]) -> Answer:
    return Answer(HTTPStatus.OK, MediaType.JSON, json.dumps(content).encode())


_ACCEPTED: Final = {
    (signal, media_type): _message_answer(response_of(signal), media_type)
    for signal in Signal
    for media_type in MediaType
}
