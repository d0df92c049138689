"""Bodies of OTLP/HTTP requests: decompression with a limit, and OTLP's own dialect of JSON."""

from __future__ import annotations

import base64
import json
import zlib
from enum import StrEnum
from http import HTTPStatus
from typing import Final, assert_never

import zstandard
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message

from insightengine.core.errors import InvalidInputError, LimitExceededError
from insightengine.telemetry.messages import type_of_request
from insightengine.telemetry.port import Signal


class MediaType(StrEnum):
    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"
    JSON_LINES = "application/x-ndjson"


class Encoding(StrEnum):
    """Values of Content-Encoding."""

    NONE = "identity"
    GZIP = "gzip"
    ZSTD = "zstd"


_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId"})
_ZSTD_WINDOW_BYTES: Final = 8 * 1024**2
_GZIP: Final = 16 + zlib.MAX_WBITS


def too_large(limit: int) -> LimitExceededError:
    error = LimitExceededError(f"body is larger than {limit} bytes", code="body_too_large")
    error.http_status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return error


def decompressed(body: bytes, encoding: Encoding, limit: int) -> bytes:
    """The body itself; never more than `limit` bytes are unpacked.

    Raises LimitExceededError (413) above the limit and InvalidInputError for broken bytes.
    """
    match encoding:
        case Encoding.NONE:
            return body
        case Encoding.GZIP:
            return _gunzipped(body, limit)
        case Encoding.ZSTD:
            return _unzstd(body, limit)
    assert_never(encoding)


def _unzstd(body: bytes, limit: int) -> bytes:
    """All frames of the body. RFC 9659 allows windows of at most 8 MiB in this encoding."""
    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
    try:
        with unpacker.stream_reader(body, read_across_frames=True) as stream:
            plain = stream.read(limit + 1)
    except zstandard.ZstdError as error:
        raise malformed(f"body is not zstd: {error}") from None
    if len(plain) > limit:
        raise too_large(limit)
    if body and not plain:
        raise malformed("zstd body ends too early")
    return plain


def _gunzipped(body: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit + 1
    while body:
        unpacker = zlib.decompressobj(_GZIP)
        try:
            part = unpacker.decompress(body, room)
        except zlib.error as error:
            raise malformed(f"body is not gzip: {error}") from None
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise too_large(limit)
        if not unpacker.eof:
            raise malformed("gzip body ends too early")
        body = unpacker.unused_data
    return b"".join(parts)


def parse_json(signal: Signal, body: bytes) -> Message:
    """OTLP/JSON differs from protobuf's JSON in its ids, which are hex instead of base64.

    Raises InvalidInputError.
    """
    message = type_of_request[signal]()
    if not body:
        return message
    try:
        content = json.loads(body, object_hook=_with_base64_ids)
        if not isinstance(content, dict):
            raise malformed(f"body is a JSON {type(content).__name__}, not an object")
        ParseDict(content, message, ignore_unknown_fields=True)
    except (ValueError, TypeError, ParseError, RecursionError) as error:
        raise malformed(f"body is not an OTLP {signal.value} request: {error}") from None
    return message


def _with_base64_ids(fields: dict[str, object]) -> dict[str, object]:
    for name in _IDS & fields.keys():
        value = fields[name]
        if isinstance(value, str):
            try:
                fields[name] = base64.b64encode(bytes.fromhex(value)).decode()
            except ValueError:
                raise malformed(f"{name} {value[:64]!r} is not hexadecimal") from None
    return fields


def malformed(message: str) -> InvalidInputError:
    return InvalidInputError(message, code="malformed_otlp")
