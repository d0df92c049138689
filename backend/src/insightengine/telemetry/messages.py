"""OTLP requests as protobuf messages: parsing, counting, flattening of nested values."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from typing import Final, cast

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import varint

type_of_request: Final[dict[Signal, type[Message]]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}
type_of_response: Final[dict[Signal, type[Message]]] = {
    Signal.TRACES: ExportTraceServiceResponse,
    Signal.METRICS: ExportMetricsServiceResponse,
    Signal.LOGS: ExportLogsServiceResponse,
}

_JSON_TAG: Final = bytes([100 << 3 & 0x7F | 2 | 0x80, 100 >> 4])  # field 100, a length and bytes
_REJECTED: Final = {
    Signal.TRACES: "rejected_spans",
    Signal.METRICS: "rejected_data_points",
    Signal.LOGS: "rejected_log_records",
}


def parse(signal: Signal, payload: bytes) -> Message:
    """Raises InvalidInputError when the bytes are no request of this signal."""
    message = type_of_request[signal]()
    try:
        message.ParseFromString(payload)
    except DecodeError as error:
        raise InvalidInputError(
            f"body is not an OTLP {signal.value} request: {error}", code="malformed_otlp"
        ) from None
    return message


def response_of(signal: Signal, rejected: int = 0, message: str = "") -> Message:
    """The answer to an export; a partial success only where there is something to say."""
    response = type_of_response[signal]()
    if rejected or message:
        partial = response.partial_success  # type: ignore[attr-defined]
        partial.error_message = message
        setattr(partial, _REJECTED[signal], rejected)
    return response


def count_entries(signal: Signal, payload: bytes) -> int:
    return entries_of(parse(signal, payload))


def entries_of(message: Message) -> int:
    """Spans, log records or data points in a request."""
    if isinstance(message, ExportTraceServiceRequest):
        return sum(len(scope.spans) for rs in message.resource_spans for scope in rs.scope_spans)
    if isinstance(message, ExportLogsServiceRequest):
        return sum(
            len(scope.log_records) for rl in message.resource_logs for scope in rl.scope_logs
        )
    if isinstance(message, ExportMetricsServiceRequest):
        return sum(
            len(getattr(metric, kind).data_points)
            for rm in message.resource_metrics
            for scope in rm.scope_metrics
            for metric in scope.metrics
            if (kind := metric.WhichOneof("data")) is not None
        )
    raise TypeError(f"{type(message).__name__} is no OTLP request")


def flatten(signal: Signal, payload: bytes) -> bytes:
    """The same request with every list or map value as the JSON text of it (`values.py`).

    The text stands in a field of the spool's own, since a sender's text is no list or map.
    """
    message = parse(signal, payload)
    for value in _values(message):
        if value.WhichOneof("value") in ("array_value", "kvlist_value"):
            text = _json(value).encode()
            value.Clear()
            value.MergeFromString(_JSON_TAG + varint(len(text)) + text)
    return message.SerializeToString()


def _values(message: Message) -> Iterator[AnyValue]:
    """Outermost attribute values and bodies anywhere in the message."""
    for field, content in message.ListFields():
        if field.message_type is None:
            continue
        for each in content if field.is_repeated else (content,):
            if isinstance(each, AnyValue):
                yield each
            else:
                yield from _values(cast("Message", each))


def _json(value: AnyValue) -> str:
    """Written by hand, since a map may hold a key twice and none may be lost."""
    match value.WhichOneof("value"):
        case "array_value":
            return f"[{','.join(_json(item) for item in value.array_value.values)}]"
        case "kvlist_value":
            items = (f"{_key(kv.key)}:{_json(kv.value)}" for kv in value.kvlist_value.values)
            return f"{{{','.join(items)}}}"
        case "bytes_value":
            return f'{{"$bytes":"{base64.b64encode(value.bytes_value).decode()}"}}'
        case "double_value":
            number = value.double_value
            return repr(number) if math.isfinite(number) else f'{{"$double":"{number}"}}'
        case "string_value":
            return _quoted(value.string_value)
        case "int_value":
            return str(value.int_value)
        case "bool_value":
            return "true" if value.bool_value else "false"
    return "null"


def _key(text: str) -> str:
    return _quoted(f"${text}" if text.startswith("$") else text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
