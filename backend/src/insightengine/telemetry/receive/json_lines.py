"""Logs as JSON lines: one object a line, as log shippers and curl send them."""

from __future__ import annotations

from typing import Final

from insightengine.telemetry.receive.body import malformed
from insightengine.telemetry.sources.parse import decode_line, json_fields, parse_entry
from insightengine.telemetry.sources.records import Attributes, Record, encode_logs

_SERVICE: Final = ("service.name", "service")
_UNKNOWN: Final = "unknown_service"
_MOST_LINES: Final = 100_000


def parse_json_lines(body: bytes, now_ns: int) -> tuple[bytes, int, int, str]:
    """An OTLP request, its records, the number of lines that are no JSON objects, and the first.

    `message`, `level`, `timestamp`, `trace_id`, `span_id` and their usual other names become what
    they are; `service` or `service.name` names the service; the rest are attributes.
    Raises InvalidInputError when no line is an object.
    """
    groups: dict[str, list[Record]] = {}
    rejected, first = 0, ""
    lines = [line for line in body.split(b"\n", _MOST_LINES) if line.strip()]
    for number, raw in enumerate(lines, start=1):
        text = decode_line(raw).strip()
        if json_fields(text) is None:
            rejected += 1
            first = first or f"line {number} is no JSON object: {text[:80]!r}"
            continue
        record = parse_entry(text, now_ns)
        groups.setdefault(_service_of(record.attributes), []).append(record)
    if rejected and not groups:
        raise malformed(first)
    entries = sum(map(len, groups.values()))
    resources = [({"service.name": name}, records) for name, records in groups.items()]
    return encode_logs(resources), entries, rejected, first


def _service_of(attributes: Attributes) -> str:
    for name in _SERVICE:
        value = attributes.get(name)
        if isinstance(value, str) and value:
            return value
    return _UNKNOWN
