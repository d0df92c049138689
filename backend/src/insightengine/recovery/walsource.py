"""Where a restore finds WAL: received files of this machine first, then the repositories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from insightengine.core.errors import ConflictError, NotFoundError
from insightengine.core.lsn import SEGMENT_BYTES, Segment
from insightengine.recovery import names
from insightengine.recovery.envelope import damaged
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

    def newest(self) -> Segment | None:
        """The last segment, of the newest timeline, of which there is a byte."""
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

    def newest(self) -> Segment | None:
        found = (Segment.parse(path.name.removesuffix(".partial")) for path in self._files())
        return max(filter(None, found), default=None)

    def _files(self) -> Iterator[Path]:
        """Of a file that was only begun, nothing is received yet: it holds zeros."""
        for path in self._folder.glob("*/*"):
            if not path.name.endswith(".partial") or _has_content(path):
                yield path

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

    def newest(self) -> Segment | None:
        last: Segment | None = None
        for found in self._repository.objects("wal/"):
            sliced = names.slice_of(found.key)
            one = names.segment_of(found.key) or (sliced[0] if sliced else None)
            if one is not None and (last is None or one > last):
                last = one
        return last

    def _joined(self, segment: Segment) -> WalFile | None:
        """Slices from offset 0 on. Raises ConflictError for a gap: one of them was removed."""
        content = bytearray()
        for found in self._repository.objects(names.wal_slices(segment)):
            parsed = names.slice_of(found.key)
            if parsed is None:
                continue
            if parsed[1] > len(content):
                return self._whole_by_now(segment, len(content))
            piece = self._repository.get(found.key)
            content[parsed[1] :] = piece
        return WalFile(bytes(content), is_whole=False) if content else None

    def _whole_by_now(self, segment: Segment, offset: int) -> WalFile:
        """Slices go once their segment is stored whole, which may have happened just now."""
        try:
            return WalFile(self._repository.get(names.wal(segment)), is_whole=True)
        except NotFoundError:
            raise damaged(
                names.wal_slices(segment), f"the part at byte {offset} is missing"
            ) from None


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

    def newest(self) -> Segment | None:
        return max(filter(None, (source.newest() for source in self._sources)), default=None)


def _has_content(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return any(file.read(64))  # the header of its first page
    except FileNotFoundError:  # it became whole just now
        return True


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
