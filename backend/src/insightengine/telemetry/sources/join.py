"""Bytes → lines → entries: a traceback is one entry, however many lines it has.

Offsets are those of the file, so that the position of the first byte that is not yet durable is
always known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from insightengine.telemetry.sources.parse import LONGEST_LINE, decode_line
from insightengine.telemetry.sources.raised import TRACEBACK

_MOST_LINES: Final = 1000
_CHAINED: Final = (
    "During handling of the above exception",
    "The above exception was the direct cause",
)
_FOLLOWS: Final = re.compile(r"[ \t]+\S|Caused by: |[\]})]+[,;]?$")
_RAISED: Final = re.compile(r"[A-Za-z_][\w.]*(?:: .*|:?$)")
_POSTGRES_MORE: Final = re.compile(
    r"\S+ \S+ \S+ \[(?P<pid>\d+)\].{0,60}?(?:DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION):  "
)
_POSTGRES_PID: Final = re.compile(r"\S+ \S+ \S+ \[(?P<pid>\d+)\]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `end` is the offset behind its line feed."""

    start: int
    end: int
    raw: bytes
    is_cut: bool = False


class LineSplitter:
    """Cuts what was read into lines, and keeps no more than 64 KiB of any."""

    def __init__(self, offset: int) -> None:
        self._start = offset  # of the line that is not complete yet
        self._offset = offset
        self._kept = b""

    @property
    def offset(self) -> int:
        """Where the next bytes have to come from."""
        return self._offset

    def feed(self, read: bytes) -> list[Line]:
        lines = []
        *complete, rest = read.split(b"\n")
        for part in complete:
            self._offset += len(part) + 1
            lines.append(self._line(part))
            self._start, self._kept = self._offset, b""
        self._offset += len(rest)
        self._kept += rest[: LONGEST_LINE + 1 - len(self._kept)]
        return lines

    def rest(self) -> list[Line]:
        """The unfinished line of a file to which nothing is added any more."""
        if self._offset == self._start:
            return []
        line = self._line(b"")
        self._start, self._kept = self._offset, b""
        return [line]

    def _line(self, part: bytes) -> Line:
        whole = self._kept + part[: LONGEST_LINE + 1 - len(self._kept)]
        return Line(self._start, self._offset, whole[:LONGEST_LINE], len(whole) > LONGEST_LINE)


@dataclass(frozen=True, slots=True)
class Entry:
    end: int
    text: str
    is_cut: bool = False


class _Stack(Enum):
    NONE = auto()
    OPEN = auto()  # within the frames of a Python traceback
    RAISED = auto()  # behind the line that names its exception


@dataclass(slots=True)
class _Pending:
    lines: list[str]
    end: int
    size: int
    stack: _Stack = field(default=_Stack.NONE)


class EntryJoiner:
    """Puts lines that continue another one behind it. A JSON object stands for itself."""

    def __init__(self) -> None:
        self._pending: _Pending | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether an entry is held back because the next line may belong to it."""
        return self._pending is not None

    def add(self, line: Line) -> list[Entry]:
        """Entries that are complete now, in the order of the file."""
        text = decode_line(line.raw)
        pending = self._pending
        if pending is not None and not line.is_cut and self._joins(pending, text):
            pending.lines.append(text)
            pending.end, pending.size = line.end, pending.size + len(text)
            pending.stack = _next_stack(pending.stack, text)
            return []
        done = self.flush()
        if line.is_cut or (text.startswith("{") and text.endswith("}")):
            return [*done, Entry(line.end, text, line.is_cut)]
        stack = _next_stack(_Stack.NONE, text)
        self._pending = _Pending([text], line.end, len(text), stack)
        return done

    def flush(self) -> list[Entry]:
        """The entry that waits, as it is."""
        pending, self._pending = self._pending, None
        if pending is None:
            return []
        return [Entry(pending.end, "\n".join(pending.lines).strip("\n"))]

    def _joins(self, pending: _Pending, text: str) -> bool:
        fits = len(pending.lines) < _MOST_LINES and pending.size + len(text) + 1 <= LONGEST_LINE
        return fits and _continues(pending.lines[0], pending.stack, text)


def _continues(first: str, stack: _Stack, text: str) -> bool:
    if not first.strip():
        return not text.strip()
    if _FOLLOWS.match(text) or text.startswith((TRACEBACK, *_CHAINED)):
        return True
    if stack is _Stack.OPEN:
        return not text or _RAISED.match(text) is not None
    if stack is _Stack.RAISED and not text:
        return True
    more, begun = _POSTGRES_MORE.match(text), _POSTGRES_PID.match(first)
    return more is not None and begun is not None and more["pid"] == begun["pid"]


def _next_stack(stack: _Stack, text: str) -> _Stack:
    if text.startswith(TRACEBACK):
        return _Stack.OPEN
    if stack is _Stack.OPEN and text and not text[0].isspace():
        return _Stack.RAISED
    return stack
