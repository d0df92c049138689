"""Files of one signal in the spool. Blocking; called from one thread at a time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import CLOSED_SUFFIX, OPEN_SUFFIX, SegmentName

_COPIED_BYTES: Final = 16 * 1024
_MAX_BUFFERS: Final = 1000  # the kernel takes 1024


# Space is taken before it is written, as much again as there is: a commit into it needs no new
# size of the file in the journal of the file system.
_LEAST_RESERVED: Final = 256 * 1024
_MOST_RESERVED: Final = 4 * 1024**2


@dataclass(slots=True)
class _Open:
    """`size` is what is written, `reserved` what the file has."""

    path: Path
    descriptor: int
    since: float
    size: int = 0
    reserved: int = 0


class SegmentWriter:
    """Appends whole batches of records, or nothing of them."""

    def __init__(self, folder: Path, signal: Signal, collector: str) -> None:
        self._folder = folder
        self._signal = signal
        self._collector = collector
        self._number = 0
        self._open: _Open | None = None
        self._unfinished: list[_Open] = []

    @property
    def size(self) -> int:
        """Bytes in the open segment."""
        return self._open.size if self._open else 0

    @property
    def held_bytes(self) -> int:
        """Bytes in all segments that are not handed over."""
        return self.size + sum(segment.size for segment in self._unfinished)

    @property
    def since(self) -> float | None:
        """When the open segment was begun, on the monotonic clock."""
        return self._open.since if self._open else None

    def write(self, records: Sequence[bytes]) -> None:
        """Returns when the records, given in pieces, are on disk.

        Raises OSError with the file cut back to the last acknowledged record. What an fsync failed
        on may never reach the disk, so the segment ends there and the next write begins another.
        """
        segment = self._open or self._begin()
        try:
            _reserve(segment, sum(map(len, records)))
            size = _write_synced(segment.descriptor, records, segment.size)
        except OSError:
            with contextlib.suppress(OSError):
                self.close()
            raise
        segment.size += size

    def close(self) -> None:
        """Hands the open segment over to the store; one without records disappears.

        Raises OSError when that was not possible; the next write or close tries again.
        """
        if self._open is not None:
            os.close(self._open.descriptor)
            self._unfinished.append(self._open)
            self._open = None
        while self._unfinished:
            _hand_over(self._unfinished[0])
            del self._unfinished[0]

    def _begin(self) -> _Open:
        self.close()
        name = SegmentName(self._signal, self._collector, self._number + 1)
        path = self._folder / f"{name.token}{OPEN_SUFFIX}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        self._number += 1
        self._open = _Open(path, descriptor, time.monotonic())
        sync_folder(self._folder)
        return self._open


def _reserve(segment: _Open, more: int) -> None:
    """Where that is not possible, the write itself makes the file longer, or tells why not."""
    wanted = segment.size + more
    if wanted <= segment.reserved:
        return
    ahead = min(max(wanted, _LEAST_RESERVED), _MOST_RESERVED)
    with contextlib.suppress(OSError):
        os.posix_fallocate(segment.descriptor, segment.reserved, wanted + ahead - segment.reserved)
        segment.reserved = wanted + ahead


def _hand_over(segment: _Open) -> None:
    os.truncate(segment.path, segment.size)
    if segment.size:
        segment.path.rename(segment.path.with_suffix(CLOSED_SUFFIX))
    else:
        segment.path.unlink()
    sync_folder(segment.path.parent)


def sync_folder(folder: Path) -> None:
    """Makes names that were added or changed in a folder survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(descriptor: int, pieces: Sequence[bytes], offset: int) -> int:
    """Bytes that are on disk: all, in one system call where the kernel can do that.

    A thread gets the interpreter back only after the event loop lets go of it, so that each call
    more may cost as much as the disk.
    """
    buffers = _joined(pieces)
    size = sum(map(len, buffers))
    with contextlib.suppress(OSError):  # what fails here is told by the plain way below
        if os.pwritev(descriptor, buffers, offset, os.RWF_DSYNC) == size:
            return size
    rest = memoryview(b"".join(buffers))
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written
    os.fdatasync(descriptor)
    return size


def _joined(pieces: Sequence[bytes]) -> list[bytes]:
    """Few buffers of the same content; large pieces are not copied."""
    buffers: list[bytes] = []
    small: list[bytes] = []
    for piece in pieces:
        if len(piece) < _COPIED_BYTES:
            small.append(piece)
            continue
        if small:
            buffers.append(b"".join(small))
            small = []
        buffers.append(piece)
    if small:
        buffers.append(b"".join(small))
    return buffers if len(buffers) <= _MAX_BUFFERS else [b"".join(buffers)]
