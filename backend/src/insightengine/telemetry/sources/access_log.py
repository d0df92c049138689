"""A line of the edge's access log → a log record of the service `edge`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from insightengine.telemetry.sources.parse import (
    CUT_MARK,
    attributes_of,
    json_fields,
    span_id_of,
    trace_id_of,
)
from insightengine.telemetry.sources.records import ERROR, INFO, WARN, Record, Severity

FILE_NAME: Final = "edge.access.log"
_PREVIEW: Final = 1024


def access_record(text: str, observed_ns: int, *, is_cut: bool = False) -> Record:
    """Body "GET /path 200 12ms"; the keys of the line are the attributes.

    A line that is not a request, such as the torn one of a killed edge, becomes a warning without
    attributes, so that it is counted nowhere.
    """
    fields = None if is_cut else json_fields(text)
    status = _status(fields.get("status")) if fields else None
    if fields is None or status is None:
        body = f"unreadable line of the access log: {text[:_PREVIEW]}"
        return Record(observed_ns, observed_ns, WARN, body, attributes={CUT_MARK: True})
    took_s = _decimal(fields.get("duration_s"))
    return Record(
        time_ns=_nanoseconds(fields.get("msec")) or observed_ns,
        observed_ns=observed_ns,
        severity=_severity(status),
        body=f"{fields.get('method', '')} {fields.get('path', '')} {status} {_shown_ms(took_s)}",
        trace_id=trace_id_of(fields.get("trace_id")),
        span_id=span_id_of(fields.get("span_id")),
        attributes=attributes_of({**fields, "status": status}),
    )


def _severity(status: int) -> Severity:
    if status >= 500:
        return ERROR
    return WARN if status >= 400 else INFO


def _status(value: object) -> int | None:
    """0 is what the edge writes for a connection that was closed before any answer."""
    found = _decimal(value)
    is_status = found is not None and found == found.to_integral_value() and 0 <= found <= 999
    return int(found) if found is not None and is_status else None


def _nanoseconds(value: object) -> int | None:
    """Of seconds with a fraction; through Decimal, since a float has no whole microseconds."""
    seconds = _decimal(value)
    if seconds is None or not 0 < seconds < 9_000_000_000:
        return None
    return int(seconds * 1_000_000_000)


def _shown_ms(seconds: Decimal | None) -> str:
    return "" if seconds is None else f"{round(seconds * 1000)}ms"


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = Decimal(str(value))
    except (InvalidOperation, ValueError):
        return None
    return found if found.is_finite() else None
