"""A line of output → what it says: JSON as structured, other text with a guessed severity.

No line is refused: garbage becomes a body. Lengths and counts are bounded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from insightengine.core.time import to_ns
from insightengine.telemetry.sources.raised import MESSAGE, STACKTRACE, TRACEBACK, TYPE, raised_in
from insightengine.telemetry.sources.records import (
    DEBUG,
    ERROR,
    FATAL,
    INFO,
    TRACE,
    WARN,
    Attributes,
    AttributeValue,
    Record,
    Severity,
)

LONGEST_LINE: Final = 65_536
CUT_MARK: Final = "insight.cut"  # attribute of an entry that was longer than it is kept
_MOST_ATTRIBUTES: Final = 128
_LONGEST_KEY: Final = 256
_LONGEST_VALUE: Final = 32_768
_INT64: Final = 2**63
_NANOSECONDS: Final = re.compile(r"(\.\d{6})\d+")
Part = TypeVar("Part")

_BODY_KEYS: Final = ("event", "message", "msg", "body")
_LEVEL_KEYS: Final = ("level", "severity", "lvl", "log.level", "levelname", "severity_text")
_TIME_KEYS: Final = ("timestamp", "@timestamp", "time", "ts")
_TRACE_KEYS: Final = ("trace_id", "traceId", "trace.id", "otelTraceID")
_SPAN_KEYS: Final = ("span_id", "spanId", "span.id", "otelSpanID")
_STACK_KEYS: Final = ("exception", "exc_info", STACKTRACE)
_ERROR_KEYS: Final = ("err", "error")  # pino and bunyan: an object

_LEVELS: Final = {
    **dict.fromkeys(("trace", "finest", "verbose"), TRACE),
    **dict.fromkeys(("debug", "debug1", "debug2", "debug3", "debug4", "debug5"), DEBUG),
    **dict.fromkeys(("info", "information", "notice", "log", "detail", "statement"), INFO),
    **dict.fromkeys(("warn", "warning"), WARN),
    **dict.fromkeys(("error", "err", "exception"), ERROR),
    **dict.fromkeys(("fatal", "critical", "crit", "alert", "emerg", "panic"), FATAL),
}
_PINO: Final = {10: TRACE, 20: DEBUG, 30: INFO, 40: WARN, 50: ERROR, 60: FATAL}
_VALKEY: Final = {".": DEBUG, "-": DEBUG, "*": INFO, "#": WARN}

_POSTGRES: Final = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) (?P<zone>[A-Z]{2,5}) .{0,80}?"
    r"(?P<level>DEBUG[1-5]|INFO|NOTICE|LOG|WARNING|ERROR|FATAL|PANIC):  "
)
_VALKEY_LINE: Final = re.compile(r"\d+:[XCSM] \d\d \w{3} \d{4} [\d:.]+ (?P<level>[.*#-]) ")
_NGINX: Final = re.compile(r"(?:\d{4}/\d\d/\d\d [\d:]+ |nginx: )\[(?P<level>[a-z]+)\] ")
_LEADING: Final = re.compile(
    r"[\d\-/:., TZ+|\[\]<(]{0,60}"
    r"(?P<level>trace|debug|info|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|panic|emerg)"
    r"[\]>)]?(?:[:|\s]|$)",
    re.IGNORECASE,
)
_WITHIN: Final = re.compile(
    r"(?<![\w/])(?P<level>DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)(?![\w/])"
)
_RAISED: Final = re.compile(r"\S*(?:Error|Exception): ")
_LOOKED_AT: Final = 160
_CONTROL: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TRACE_ID: Final = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID: Final = re.compile(r"(?!0{16})[0-9a-f]{16}")


def decode_line(raw: bytes) -> str:
    """Text of a line; what is not UTF-8 becomes U+FFFD, control characters and colours go."""
    return _CONTROL.sub("", raw.decode("utf-8", errors="replace").rstrip("\r\n"))


def parse_entry(text: str, observed_ns: int, *, is_cut: bool = False) -> Record:
    """The record of one entry, a line or several that were joined."""
    fields = None if is_cut else json_fields(text)
    if fields is not None:
        return _structured(fields, text, observed_ns)
    marks: Attributes = {CUT_MARK: True} if is_cut else {}
    severity, time_ns = guess(text)
    return Record(
        time_ns or observed_ns,
        observed_ns,
        severity,
        text,
        attributes=attributes_of({**raised_in(text), **marks}),
    )


def json_fields(text: str) -> dict[str, object] | None:
    """The members of a JSON object; None when the text is none."""
    if not text.startswith("{") or not text.rstrip().endswith("}"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def guess(text: str) -> tuple[Severity, int | None]:
    """Severity of a plain line and, where its zone is certain, its time."""
    if found := _POSTGRES.match(text):
        at_ns = _moment(f"{found['at']}+00:00") if found["zone"] in ("UTC", "GMT") else None
        return _LEVELS[found["level"].lower()], at_ns
    if found := _VALKEY_LINE.match(text):
        return _VALKEY[found["level"]], None
    if TRACEBACK in text or _RAISED.match(text):
        return ERROR, None
    found = _NGINX.match(text) or _LEADING.match(text) or _WITHIN.search(text, 0, _LOOKED_AT)
    return _LEVELS.get(found["level"].lower(), INFO) if found else INFO, None


def level(value: object) -> Severity | None:
    """Severity of a name, or of a number as pino and Python's logging write them."""
    if isinstance(value, str):
        return _LEVELS.get(value.strip().lower())
    if isinstance(value, int) and not isinstance(value, bool):
        return _PINO.get(value // 10 * 10)
    return None


def moment_ns(value: object) -> int | None:
    """Nanoseconds since the epoch of RFC 3339 text or of a number in s, ms, µs or ns.

    None for what is no moment, or lies beyond the year 2262.
    """
    if isinstance(value, str):
        return _moment(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for limit, factor in ((10**11, 10**9), (10**14, 10**6), (10**17, 1000), (_INT64, 1)):
        if 0 < value < limit:
            at_ns = round(value * factor)
            return at_ns if at_ns < _INT64 else None
    return None


def attributes_of(fields: Mapping[str, object]) -> Attributes:
    """Nested values become JSON text; null goes; names and values are bounded in length."""
    kept: dict[str, AttributeValue] = {}
    for key, value in fields.items():
        if value is not None and key and len(kept) < _MOST_ATTRIBUTES:
            kept[_text(key, _LONGEST_KEY)] = _value(value)
    return kept


def trace_id_of(value: object) -> str:
    found = _TRACE_ID.fullmatch(value.lower()) if isinstance(value, str) else None
    return found.group() if found else ""


def span_id_of(value: object) -> str:
    found = _SPAN_ID.fullmatch(value.lower()) if isinstance(value, str) else None
    return found.group() if found else ""


def _structured(fields: dict[str, object], text: str, observed_ns: int) -> Record:
    """Each key that gave a part of the record is taken out; the rest are attributes."""
    rest = dict(fields)
    body = _take(rest, _BODY_KEYS, lambda value: value if isinstance(value, str) else None)
    severity = _take(rest, _LEVEL_KEYS, level)
    time_ns = _take(rest, _TIME_KEYS, moment_ns)
    trace_id = _take(rest, _TRACE_KEYS, lambda value: trace_id_of(value) or None)
    span_id = _take(rest, _SPAN_KEYS, lambda value: span_id_of(value) or None)
    raised = _take(rest, _ERROR_KEYS, _error_object) or _take(rest, _STACK_KEYS, _stack) or {}
    return Record(
        time_ns=time_ns or observed_ns,
        observed_ns=observed_ns,
        severity=severity or INFO,
        body=_text(text if body is None else body, LONGEST_LINE),
        trace_id=trace_id or "",
        span_id=span_id or "",
        attributes=attributes_of({**raised, **rest}),
    )


def _stack(value: object) -> Mapping[str, object] | None:
    """The program's own words about type and message, where it has some, win over these."""
    if not isinstance(value, str) or not value:
        return None
    return {**raised_in(value), STACKTRACE: value}


def _error_object(value: object) -> Mapping[str, object] | None:
    if not isinstance(value, dict) or not isinstance(value.get("stack"), str):
        return None
    told = {TYPE: value.get("type") or value.get("name"), MESSAGE: value.get("message")}
    named = {key: each for key, each in told.items() if isinstance(each, str)}
    return {**raised_in(value["stack"]), **named, STACKTRACE: value["stack"]}


def _take(
    fields: dict[str, object], keys: tuple[str, ...], read: Callable[[object], Part | None]
) -> Part | None:
    """What the first readable of the keys means; that key is removed."""
    for key in keys:
        if key in fields and (found := read(fields[key])) is not None:
            del fields[key]
            return found
    return None


def _value(value: object) -> AttributeValue:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return _text(value, _LONGEST_VALUE)
    try:
        return _text(json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)
    except RecursionError:
        return "(nested too deeply)"


def _text(value: str, longest: int) -> str:
    """Bounded, and without the lone surrogates that JSON can hold and UTF-8 cannot."""
    return value[:longest].encode("utf-8", errors="replace").decode("utf-8")


def _moment(text: str) -> int | None:
    """Text without a zone is no moment: it would be guessed."""
    try:
        moment = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text))
        at_ns = to_ns(moment) if moment.tzinfo is not None else 0
    except (ValueError, OverflowError):
        return None
    return at_ns if 0 < at_ns < _INT64 else None
