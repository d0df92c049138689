"""The bytes of a spool segment: checksummed records that ClickHouse reads as protobuf.

    segment = record*        record = varint length, message Record
    Record  = fixed32 crc = 1; uint32 entries = 3; [string source = 4;]
              Export…ServiceRequest request = 2

`crc` is the CRC-32 of all bytes of the message after it. `entries` counts spans, log records or
data points, so that what was acknowledged can be compared with what was stored. `source` is whose
ingest key the request came with.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.port import Signal

OPEN_SUFFIX: Final = ".open"
CLOSED_SUFFIX: Final = ".pb"

_CRC_TAG, _REQUEST_TAG, _ENTRIES_TAG, _SOURCE_TAG = b"\x0d", b"\x12", b"\x18", b"\x22"
_BODY_START: Final = 5
# Looks ahead, since candidates may overlap: a length or a checksum may look like the tag.
_CANDIDATE = re.compile(rb"(?=\x0d.{4}\x18)", re.DOTALL)
_MAX_VARINT: Final = 10


@dataclass(frozen=True, slots=True)
class SegmentName:
    """`<signal>-<collector>-<number>`. Names sort by age within a signal and are never used twice:
    the collector's id begins with the moment of its start and ends with random digits."""

    signal: Signal
    collector: str
    number: int

    @property
    def token(self) -> str:
        """Key under which the store recognises a repeated insert."""
        return f"{self.signal.value}-{self.collector}-{self.number:010d}"

    @classmethod
    def parse(cls, stem: str) -> SegmentName:
        """Raises InvalidInputError for a name that no collector made."""
        match = re.fullmatch(r"(traces|metrics|logs)-([0-9a-z]+)-(\d{10})", stem)
        if match is None:
            raise InvalidInputError(f"{stem!r} is not the name of a spool segment")
        return cls(Signal(match[1]), match[2], int(match[3]))


@dataclass(frozen=True, slots=True)
class Record:
    """Where a record and its request stand in the segment."""

    start: int
    end: int
    entries: int
    request_start: int
    source: str = ""


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of bytes that holds no whole record."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Scan:
    records: tuple[Record, ...]
    damages: tuple[Damage, ...]

    @property
    def entries(self) -> int:
        return sum(record.entries for record in self.records)

    def torn_tail(self, size: int) -> Damage | None:
        """What a kill left behind the last whole record."""
        last = self.damages[-1] if self.damages else None
        return last if last is not None and last.end == size else None


def encode(request: bytes, entries: int, source: str = "") -> bytes:
    """One record."""
    return prefix(request, entries, source) + request


def prefix(request: bytes, entries: int, source: str = "") -> bytes:
    """What stands before the request in its record; apart, since a large request is not copied."""
    given = _SOURCE_TAG + varint(len(source)) + source.encode("ascii") if source else b""
    body = _ENTRIES_TAG + varint(entries) + given + _REQUEST_TAG + varint(len(request))
    crc = _CRC_TAG + struct.pack("<I", zlib.crc32(request, zlib.crc32(body)))
    return varint(_BODY_START + len(body) + len(request)) + crc + body


def scan(segment: bytes) -> Scan:
    """Every whole record, in order, and the bytes between them that are none."""
    records: list[Record] = []
    damages: list[Damage] = []
    position = 0
    while position < len(segment):
        record = _record_at(segment, position)
        if record is None:
            end = _next_record(segment, position + 1)
            damages.append(Damage(position, end))
            position = end
        else:
            records.append(record)
            position = record.end
    return Scan(tuple(records), tuple(damages))


def _record_at(segment: bytes, start: int) -> Record | None:
    length, body = _read_varint(segment, start)
    end = body + length
    if length <= _BODY_START or end > len(segment) or segment[body : body + 1] != _CRC_TAG:
        return None
    (crc,) = struct.unpack_from("<I", segment, body + 1)
    if zlib.crc32(memoryview(segment)[body + _BODY_START : end]) != crc:
        return None
    entries, at = _read_varint(segment, body + _BODY_START + 1)
    source = ""
    if segment[at : at + 1] == _SOURCE_TAG:
        size, begin = _read_varint(segment, at + 1)
        at = begin + size
        source = segment[begin:at].decode("ascii", errors="replace")
    size, request_start = _read_varint(segment, at + 1)
    if request_start + size != end:
        return None
    return Record(start, end, entries, request_start, source)


def _next_record(segment: bytes, start: int) -> int:
    """Start of the next whole record at or after `start`, else the segment's end."""
    for candidate in _CANDIDATE.finditer(segment, start):
        for prefix in range(1, 6):
            at = candidate.start() - prefix
            if at < start:
                break
            _, body = _read_varint(segment, at)
            if body == candidate.start() and _record_at(segment, at) is not None:
                return at
    return len(segment)


def varint(number: int) -> bytes:
    """Protobuf's form of a length."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """The number and the position after it; 0 when no varint stands there."""
    number = 0
    for index, byte in enumerate(data[position : position + _MAX_VARINT]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, position + index + 1
    return 0, len(data)
