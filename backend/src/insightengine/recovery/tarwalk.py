"""Follows a tar stream while it passes by: which files it holds, where, and their checksums.

`pg_basebackup --pgdata=-` writes such a stream. Reading along costs about a nanosecond per byte
(CRC-32C in hardware), so that every file is compared with PostgreSQL's own manifest before the
backup counts as made, without reading anything twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import google_crc32c

from insightengine.core.errors import ConflictError

BLOCK = 512
MANIFEST = "backup_manifest"
LABEL = "backup_label"
_PART_BYTES = 256 * 1024  # small enough to stay in the processor's cache on its way
_KEPT = frozenset({MANIFEST, LABEL})
_REGULAR, _OLD_REGULAR, _FOLDER = b"0", b"\0", b"5"


@dataclass(frozen=True, slots=True)
class TarFile:
    """A file of the stream. `offset` is that of its first byte in the plain stream."""

    path: str
    size_bytes: int
    offset: int
    crc32c: int


class Sink(Protocol):
    """Takes the content of a stream as it is walked: each file is begun, written and ended."""

    def folder(self, path: str) -> None: ...
    def begin(self, path: str, size_bytes: int) -> None: ...
    def write(self, part: bytes | memoryview) -> None: ...
    def end(self) -> None: ...


@dataclass(slots=True)
class _Open:
    path: str
    size: int
    offset: int
    left: int
    padding: int
    crc: int = 0
    kept: bytearray = field(default_factory=bytearray)


class TarWalker:
    """Feed it the stream in pieces of any size, then call `finish()`."""

    def __init__(self, sink: Sink | None = None) -> None:
        self._sink = sink
        self.files: list[TarFile] = []
        self.kept: dict[str, bytes] = {}  # content of the manifest and of the label
        self.position = 0
        self._head = bytearray()
        self._open: _Open | None = None
        self._ended = False

    def feed(self, piece: bytes) -> None:
        """Raises ConflictError when this is no tar stream."""
        for _ in self.steps(piece):
            pass

    def steps(self, piece: bytes) -> Iterator[None]:
        """Feeds it part by part, so that others may have their turn in between."""
        at = 0
        while at < len(piece) and not self._ended:
            at = self._body(piece, at) if self._open else self._header(piece, at)
            yield
        self.position += len(piece)

    def finish(self) -> None:
        """Raises ConflictError when the stream was cut off."""
        if not self._ended or self._open is not None:
            raise _broken(f"it ends at byte {self.position} without its end mark")

    def _header(self, piece: bytes, at: int) -> int:
        taken = min(BLOCK - len(self._head), len(piece) - at)
        self._head += piece[at : at + taken]
        at += taken
        if len(self._head) < BLOCK:
            return at
        block, self._head = bytes(self._head), bytearray()
        if not any(block):
            self._ended = True
            return at
        self._begin(block, self.position + at)
        return at

    def _begin(self, block: bytes, offset: int) -> None:
        kind = block[156:157]
        if block[257:262] != b"ustar":
            raise _broken(f"byte {offset - BLOCK} does not begin a file")
        name = block[:100].rstrip(b"\0").decode("utf-8", "surrogateescape")
        if kind == _FOLDER:
            if self._sink is not None:
                self._sink.folder(name.rstrip("/"))
            return
        if kind not in (_REGULAR, _OLD_REGULAR):
            raise _broken(
                f"{name} is a link: the cluster has a tablespace outside its folder, which is not"
                " supported; move its tables back: ALTER TABLE … SET TABLESPACE pg_default"
            )
        size = _number(block[124:136])
        self._open = _Open(name, size, offset, size, -size % BLOCK)
        if self._sink is not None:
            self._sink.begin(name, size)
        if size == 0:
            self._close()

    def _body(self, piece: bytes, at: int) -> int:
        file = self._open
        if file is None:
            return at
        if file.left:
            taken = min(file.left, len(piece) - at, _PART_BYTES)
            part = piece if taken == len(piece) else piece[at : at + taken]
            file.crc = google_crc32c.extend(file.crc, part)
            if file.path in _KEPT:
                file.kept += part
            if self._sink is not None:
                self._sink.write(part)
            file.left -= taken
            at += taken
        if not file.left:
            skipped = min(file.padding, len(piece) - at)
            file.padding -= skipped
            at += skipped
            if not file.padding:
                self._close()
        return at

    def _close(self) -> None:
        file = self._open
        if file is not None:
            if self._sink is not None:
                self._sink.end()
            self.files.append(TarFile(file.path, file.size, file.offset, file.crc))
            if file.path in _KEPT:
                self.kept[file.path] = bytes(file.kept)
        self._open = None


def _number(text: bytes) -> int:
    """Octal digits, or for large files the binary form that begins with the top bit set."""
    if text[0] & 0x80:
        return int.from_bytes(bytes([text[0] & 0x7F]) + text[1:], "big")
    return int(text.rstrip(b"\0 ") or b"0", 8)


def _broken(why: str) -> ConflictError:
    return ConflictError(f"the stream of the base backup is broken: {why}", code="broken_stream")


def chunks_of(file: TarFile, chunk_bytes: int) -> Iterator[int]:
    """Numbers of the chunks of the stream that hold bytes of the file."""
    last = max(file.offset, file.offset + file.size_bytes - 1)
    yield from range(file.offset // chunk_bytes, last // chunk_bytes + 1)
