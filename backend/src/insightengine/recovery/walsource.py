"""Where a restore finds WAL: received files of this machine first, then the repositories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from insightengine.core.errors import ConflictError, NotFoundError
from insightengine.core.lsn import SEGMENT_BYTES, Segment
from insightengine.recovery import names
from insightengine.recovery.repository import Repository


@dataclass(frozen=True, slots=True)
class WalFile:
    """The bytes of a segment from its beginning on; `is_whole` when there are no more."""

    content: bytes
    is_whole: bool

    @property
    def padded(self) -> bytes:
        """As long as a segment: a server takes nothing shorter, and stops at the zeros."""
        return self.content.ljust(SEGMENT_BYTES, b"\0")


class WalSource(Protocol):
    """Raises ConflictError for a file that is there and damaged."""

    def history(self, timeline: int) -> bytes | None: ...

    def segment(self, segment: Segment) -> WalFile | None:
        """None when there is no byte of it."""
        ...


class SpooledWal:
    """Files as `pg_receivewal` leaves them, in any of its folders."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def history(self, timeline: int) -> bytes | None:
        return self._read(f"{timeline:08X}.history")

    def segment(self, segment: Segment) -> WalFile | None:
        content = self._read(segment.name)
        if content is not None:
            return WalFile(content, is_whole=True)
        content = self._read(f"{segment.name}.partial")
        return WalFile(content.rstrip(b"\0"), is_whole=False) if content else None

    def _read(self, name: str) -> bytes | None:
        found = max(self._folder.glob(f"*/{name}"), key=_modified, default=None)
        try:
            return found.read_bytes() if found else None
        except FileNotFoundError:  # shipped and removed just now
            return None


class StoredWal:
    """WAL of a repository: whole segments, else the slices of one that was not whole yet."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def history(self, timeline: int) -> bytes | None:
        try:
            return self._repository.get(names.history(timeline))
        except NotFoundError:
            return None

    def segment(self, segment: Segment) -> WalFile | None:
        try:
            return WalFile(self._repository.get(names.wal(segment)), is_whole=True)
        except NotFoundError:
            return self._joined(segment)

    def _joined(self, segment: Segment) -> WalFile | None:
        """Slices from offset 0 without a gap; what follows a gap cannot be used."""
        content = bytearray()
        for found in self._repository.objects(names.wal_slices(segment)):
            parsed = names.slice_of(found.key)
            if parsed is None or parsed[1] > len(content):
                break
            piece = self._repository.get(found.key)
            content[parsed[1] :] = piece
        return WalFile(bytes(content), is_whole=False) if content else None


class AnyWal:
    """The first source that has it. Of a segment that is whole nowhere, the longest part."""

    def __init__(self, sources: Sequence[WalSource]) -> None:
        self._sources = sources

    def history(self, timeline: int) -> bytes | None:
        for source in self._sources:
            found = source.history(timeline)
            if found is not None:
                return found
        return None

    def segment(self, segment: Segment) -> WalFile | None:
        best: WalFile | None = None
        damage: ConflictError | None = None
        for source in self._sources:
            try:
                found = source.segment(segment)
            except ConflictError as error:
                damage = error
                continue
            if found is not None and found.is_whole:
                return found
            if found is not None and (best is None or len(found.content) > len(best.content)):
                best = found
        if best is None and damage is not None:
            raise damage
        return best


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
