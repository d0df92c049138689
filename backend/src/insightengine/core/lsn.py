"""Positions in the write-ahead log. Pure arithmetic on what PostgreSQL prints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import core_schema

from insightengine.core.errors import InvalidInputError

SEGMENT_BYTES = 16 * 1024 * 1024  # initdb's default; the embedded cluster is made with it
_LSN = re.compile(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})")
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_SEGMENTS_PER_ID = 0x1_0000_0000 // SEGMENT_BYTES


@dataclass(frozen=True, slots=True, order=True)
class Lsn:
    """A byte position in the WAL of one timeline; prints as PostgreSQL does, `0/16B3748`."""

    value: int

    def __str__(self) -> str:
        return f"{self.value >> 32:X}/{self.value & 0xFFFFFFFF:X}"

    def __sub__(self, other: Lsn) -> int:
        """Bytes from `other` to this."""
        return self.value - other.value

    @property
    def segment(self) -> int:
        """Number of the segment that holds the byte at this position."""
        return self.value // SEGMENT_BYTES

    @classmethod
    def parse(cls, text: str) -> Lsn:
        """Raises InvalidInputError for anything but `X/Y` in hexadecimal digits."""
        found = _LSN.fullmatch(text)
        if found is None:
            raise InvalidInputError(
                f"found the WAL position {text[:40]!r}, allowed is one such as 0/16B3748"
            )
        return cls((int(found.group(1), 16) << 32) + int(found.group(2), 16))

    @classmethod
    def is_one(cls, text: str) -> bool:
        return _LSN.fullmatch(text) is not None

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        """In JSON it is the text that PostgreSQL prints."""
        return core_schema.no_info_plain_validator_function(
            lambda given: given if isinstance(given, cls) else cls.parse(str(given)),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, str]:
        return {"type": "string", "examples": ["0/16B3748"]}  # type: ignore[dict-item]


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One WAL file. Ordered by timeline, then by position."""

    timeline: int
    number: int

    @property
    def name(self) -> str:
        high, low = divmod(self.number, _SEGMENTS_PER_ID)
        return f"{self.timeline:08X}{high:08X}{low:08X}"

    @property
    def start(self) -> Lsn:
        return Lsn(self.number * SEGMENT_BYTES)

    @property
    def end(self) -> Lsn:
        """The first position behind it."""
        return Lsn((self.number + 1) * SEGMENT_BYTES)

    @classmethod
    def parse(cls, name: str) -> Segment | None:
        """None for a file that is no whole segment: history files, `.partial`, anything else."""
        if not _SEGMENT.fullmatch(name):
            return None
        return cls(int(name[:8], 16), int(name[8:16], 16) * _SEGMENTS_PER_ID + int(name[16:], 16))

    @classmethod
    def holding(cls, timeline: int, lsn: Lsn) -> Segment:
        return cls(timeline, lsn.segment)


def segments_between(timeline: int, start: Lsn, end: Lsn) -> tuple[Segment, ...]:
    """Every segment that holds a byte of [start, end)."""
    last = Lsn(max(start.value, end.value - 1)).segment
    return tuple(Segment(timeline, number) for number in range(start.segment, last + 1))
