"""Where a list was left off, as an opaque text.

A cursor carries the range of its first page, so that a list of "the last 15 minutes" does not
lose its end while it is read.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import astuple, dataclass
from typing import Final

from insightengine.core.errors import InvalidInputError
from insightengine.core.time import TimeRange, from_ns

_INT64: Final = 2**63
_UINT64: Final = 2**64
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class LogCursor:
    """The next entry is behind `skip` ones with this time and hash, which were delivered.

    Entries of the same time are ordered by a hash of their content; only exact copies share it.
    """

    start_ns: int
    end_ns: int
    at_ns: int
    hash: int
    skip: int

    @property
    def range(self) -> TimeRange:
        return TimeRange(from_ns(self.start_ns), from_ns(self.end_ns))


@dataclass(frozen=True, slots=True)
class TraceCursor:
    """The last delivered trace."""

    start_ns: int
    end_ns: int
    at_ns: int
    trace_id: str

    @property
    def range(self) -> TimeRange:
        return TimeRange(from_ns(self.start_ns), from_ns(self.end_ns))


def encode(cursor: LogCursor | TraceCursor) -> str:
    values = json.dumps(astuple(cursor), separators=(",", ":"))
    return base64.urlsafe_b64encode(values.encode()).decode().rstrip("=")


def decode_log_cursor(text: str) -> LogCursor:
    """Raises InvalidInputError for anything that `encode` does not make of a LogCursor."""
    match _values(text):
        case [int(start), int(end), int(at), int(digest), int(skip)] if (
            _is_range(start, end, at) and 0 <= digest < _UINT64 and 0 <= skip < 2**31
        ):
            return LogCursor(start, end, at, digest, skip)
    raise _invalid()


def decode_trace_cursor(text: str) -> TraceCursor:
    """Raises InvalidInputError for anything that `encode` does not make of a TraceCursor."""
    match _values(text):
        case [int(start), int(end), int(at), str(trace_id)] if _is_range(
            start, end, at
        ) and _TRACE_ID.fullmatch(trace_id):
            return TraceCursor(start, end, at, trace_id)
    raise _invalid()


def _is_range(start: int, end: int, at: int) -> bool:
    return 0 <= start < end < _INT64 and start // 1000 < end // 1000 and 0 <= at < _INT64


def _values(text: str) -> object:
    try:
        padded = text + "=" * (-len(text) % 4)
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid() from None


def _invalid() -> InvalidInputError:
    return InvalidInputError(
        "the cursor is not one that a list returned",
        code="invalid_cursor",
        hint="start again without cursor",
    )
