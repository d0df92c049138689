"""Files of one signal in the spool. Blocking; called from one thread at a time."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import CLOSED_SUFFIX, OPEN_SUFFIX, SegmentName


@dataclass(slots=True)
class _Open:
    path: Path
    descriptor: int
    since: float
    size: int = 0


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
    def since(self) -> float | None:
        """When the open segment was begun, on the monotonic clock."""
        return self._open.since if self._open else None

    def write(self, records: bytes) -> None:
        """Returns when the records are on disk.

        Raises OSError with the file cut back to the last acknowledged record. What an fsync failed
        on may never reach the disk, so the segment ends there and the next write begins another.
        """
        segment = self._open or self._begin()
        try:
            _write_all(segment.descriptor, records)
            os.fdatasync(segment.descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                self.close()
            raise
        segment.size += len(records)

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
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        self._number += 1
        self._open = _Open(path, descriptor, time.monotonic())
        sync_folder(self._folder)
        return self._open


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


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
