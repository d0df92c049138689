"""OTLP/gRPC behind a proxy that ends HTTP/2: unary calls as HTTP/1.1 requests with trailers.

The edge (nginx) speaks HTTP/2 with the sender, in C, and passes each call on. A gRPC server in
Python was measured at a third of the calls: docs/concepts/ingest.md.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from insightengine.core.errors import InsightError, InvalidInputError, LimitExceededError
from insightengine.telemetry.messages import response_of
from insightengine.telemetry.port import Signal
from insightengine.telemetry.receive.body import Encoding, MediaType
from insightengine.telemetry.receive.exchange import Answer, Head
from insightengine.telemetry.receive.intake import ACCEPTED, Intake, Outcome, Request, retry_after_s

CONTENT_TYPE: Final = "application/grpc"
PATHS: Final = {
    f"/opentelemetry.proto.collector.{package}.v1.{service}Service/Export": signal
    for package, service, signal in (
        ("trace", "Trace", Signal.TRACES),
        ("metrics", "Metrics", Signal.METRICS),
        ("logs", "Logs", Signal.LOGS),
    )
}
_PREFIX_BYTES: Final = 5  # a flag for compression and the length of the message
_ENCODINGS: Final = {"": Encoding.NONE, "identity": Encoding.NONE, "gzip": Encoding.GZIP}
_OK, _UNKNOWN, _EXHAUSTED, _UNIMPLEMENTED, _UNAVAILABLE = 0, 2, 8, 12, 14
_CODES: Final = {
    HTTPStatus.BAD_REQUEST: 3,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.NOT_FOUND: _UNIMPLEMENTED,
    HTTPStatus.METHOD_NOT_ALLOWED: _UNIMPLEMENTED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: _UNIMPLEMENTED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _EXHAUSTED,
    HTTPStatus.TOO_MANY_REQUESTS: _EXHAUSTED,
    HTTPStatus.SERVICE_UNAVAILABLE: _UNAVAILABLE,
}


class _UnsupportedError(InsightError):
    http_status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class OtlpGrpc:
    """The three Export calls. `max_message_bytes` counts after decompression."""

    def __init__(self, intake: Intake, max_message_bytes: int) -> None:
        self._intake = intake
        self._max_message_bytes = max_message_bytes

    def refusal(self, head: Head) -> Answer | None:
        signal = PATHS.get(head.path)
        error: InsightError | None = None
        if signal is None:
            error = _UnsupportedError(f"no such method: {head.path}")
        elif head.method != "POST" or head.header(b"grpc-encoding") not in _ENCODINGS:
            error = _UnsupportedError("a call is a POST, its message plain or in gzip")
        else:
            error = self._intake.stranger(head)
        if error is None:
            return None
        return self.refused(head, error)

    def handle(self, head: Head, body: bytes, answer: Callable[[Answer], None]) -> None:
        signal = PATHS[head.path]

        def done(outcome: Outcome) -> None:
            if outcome is ACCEPTED:
                answer(_ACCEPTED[signal])
            elif isinstance(outcome, InsightError):
                answer(error_answer(outcome))
            else:
                answer(_answer(response_of(signal, outcome.rejected, outcome.message)))

        try:
            encoding, message = self._message(head, body)
        except InsightError as error:
            self._intake.refuse(signal, error, done)
            return
        key = self._intake.key_of(head)
        request = Request(signal, MediaType.PROTOBUF, encoding, message, key)
        self._intake.receive(request, done, self._max_message_bytes)

    def refused(self, head: Head, error: InsightError) -> Answer:
        signal = PATHS.get(head.path)
        if signal is not None:
            self._intake.refuse(signal, error, lambda outcome: None)
        return error_answer(error)

    def _message(self, head: Head, body: bytes) -> tuple[Encoding, bytes]:
        """The one message of a unary call."""
        size = int.from_bytes(body[1:_PREFIX_BYTES], "big")
        if len(body) < _PREFIX_BYTES or len(body) != _PREFIX_BYTES + size or body[0] > 1:
            raise InvalidInputError("the call does not hold one whole message")
        if size > self._max_message_bytes:
            raise LimitExceededError(f"message is larger than {self._max_message_bytes} bytes")
        encoding = _ENCODINGS[head.header(b"grpc-encoding")] if body[0] else Encoding.NONE
        return encoding, body[_PREFIX_BYTES:]


def error_answer(error: InsightError) -> Answer:
    """What may be sent again says so with RetryInfo, as OTLP asks."""
    status = HTTPStatus(error.http_status)
    told = Status(code=_CODES.get(status, _UNKNOWN), message=error.message)
    seconds = retry_after_s(error)
    if seconds is not None:
        retry = AnyMessage()
        retry.Pack(RetryInfo(retry_delay=Duration(seconds=seconds)))
        told.details.append(retry)
    return _trailers(b"", told)


def _answer(message: object) -> Answer:
    content = message.SerializeToString()  # type: ignore[attr-defined]
    return _trailers(b"\0" + len(content).to_bytes(4, "big") + content, None)


def _trailers(message: bytes, told: Status | None) -> Answer:
    """A body in chunks, since only that can be followed by trailers in HTTP/1.1."""
    trailers = f"grpc-status: {told.code if told else _OK}\r\n"
    if told is not None:
        details = base64.b64encode(told.SerializeToString()).decode().rstrip("=")
        text = quote(told.message, safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}~")
        trailers += f"grpc-message: {text}\r\ngrpc-status-details-bin: {details}\r\n"
    chunk = b"%x\r\n%b\r\n" % (len(message), message) if message else b""
    body = b"%b0\r\n%b\r\n" % (chunk, trailers.encode())
    names = (("Transfer-Encoding", "chunked"), ("Trailer", "grpc-status, grpc-message"))
    return Answer(HTTPStatus.OK, CONTENT_TYPE, body, names, is_chunked=True)


_ACCEPTED: Final = {signal: _answer(response_of(signal)) for signal in Signal}
