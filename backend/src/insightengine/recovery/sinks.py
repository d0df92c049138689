"""Where the files of a chain go while its streams are walked: each block is written once.

The newest backup tells which files there are. Of most it has only the blocks that changed; these
wait in the spill until an older backup comes with the file itself. The full backup and the oldest
incremental one name their files in nearly the same order, so that these two are walked side by
side, and hardly anything of the oldest has to wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from insightengine.core.errors import InvalidInputError
from insightengine.recovery.blocks import BLOCK_BYTES, PREFIX, Changes, broken, parse_head
from insightengine.recovery.stretches import ChangedFile, Flowing, Spill, Writers
from insightengine.recovery.tarwalk import MANIFEST


@dataclass(frozen=True, slots=True)
class Place:
    """What the sinks of a chain share. `wanted` has the files that were not there whole yet, and
    what changes them: the oldest first."""

    target: Path
    spill: Spill
    writers: Writers
    wanted: dict[str, list[Changes]] = field(default_factory=dict)

    def inside(self, path: str) -> Path:
        """The stream is authenticated, and still gets no chance to write anywhere else."""
        if path.startswith("/") or ".." in path.split("/"):
            raise InvalidInputError(f"the backup names a file outside its folder: {path[:100]!r}")
        return self.target / path

    def finish(self) -> None:
        """Raises ConflictError when a file never came whole, OSError when one was not written."""
        for path in self.wanted:
            raise broken(path, "no backup before it has this file")
        self.spill.close()
        self.writers.settle()


class BackupSink:
    """`tarwalk.Sink` of one backup. Only the newest tells which files and folders there are."""

    def __init__(self, place: Place, *, is_newest: bool, is_incremental: bool) -> None:
        self._place = place
        self._is_newest, self._is_incremental = is_newest, is_incremental
        self._file: ChangedFile | _Changing | None = None

    def folder(self, path: str) -> None:
        if self._is_newest and path not in (".", ""):
            self._place.inside(path).mkdir(mode=0o700, parents=True, exist_ok=True)

    def begin(self, path: str, size_bytes: int) -> None:
        if path == MANIFEST:
            return  # it holds for its own backup only
        changed = changed_path(path) if self._is_incremental else None
        target = self._place.inside(changed or path)
        if changed is not None:
            self._begin_changes(changed, size_bytes)
        elif self.is_wanted(path):
            self._begin_file(path, target, size_bytes)

    def write(self, part: bytes | memoryview) -> None:
        if self._file is not None:
            self._file.write(part)

    def end(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.end()

    def close(self) -> None:
        """A file that was begun when something failed is left as it is."""
        if self._file is not None:
            self._file.close()

    def is_wanted(self, path: str) -> bool:
        return self._is_newest or path in self._place.wanted

    def _begin_changes(self, path: str, size_bytes: int) -> None:
        if not self.is_wanted(path):
            return
        spill, known = self._place.spill, self._place.wanted.setdefault(path, [])

        def begun(changes: Changes) -> None:
            known.insert(0, replace(changes, offset=spill.length_bytes))

        self._file = _Changing(path, size_bytes, begun, spill.write)

    def _begin_file(
        self, path: str, target: Path, size_bytes: int, flowing: Flowing | None = None
    ) -> None:
        place = self._place
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        newer = place.wanted.pop(path, [])
        if newer:
            place.spill.settle()
        read = place.spill.read
        self._file = ChangedFile(target, size_bytes, newer, read, place.writers, flowing)


class BesideSink(BackupSink):
    """Of the oldest incremental backup, walked only as far as the full one beside it needs.

    `paths` are those of all its files, and `steps` walks it: set before anything is sought.
    """

    def __init__(self, place: Place, paths: Iterable[str], *, is_newest: bool) -> None:
        super().__init__(place, is_newest=is_newest, is_incremental=True)
        self.changed = frozenset(filter(None, map(changed_path, paths)))
        self.steps: Iterator[None] = iter(())
        self._coming = set(self.changed)
        self._sought: str | None = None
        self._changes: Changes | None = None
        self._parts: deque[memoryview] = deque()  # of the blocks of the file that is sought
        self._position = 0  # of the next byte in these

    def seek(self, path: str) -> Flowing | None:
        """The changes of the file, if they were not passed before and wait in the spill."""
        if path not in self._coming:
            return None
        self._sought, self._position = path, 0
        while self._changes is None:
            self._step()
        return self._changes, self._read

    def leave(self) -> None:
        """Nobody needs what is left of the file."""
        self._sought = self._changes = None
        self._parts.clear()

    def _begin_changes(self, path: str, size_bytes: int) -> None:
        self._coming.discard(path)
        if path != self._sought:
            super()._begin_changes(path, size_bytes)
            return

        def begun(changes: Changes) -> None:
            self._changes = changes

        def flow(part: memoryview) -> None:
            if path == self._sought:
                self._parts.append(part)

        self._file = _Changing(path, size_bytes, begun, flow)

    def _read(self, offset: int, views: Sequence[memoryview]) -> None:
        """Fills the views with the next blocks. These come in their order, as the file does."""
        if offset != self._position:
            raise broken(str(self._sought), f"byte {offset} of its blocks is not {self._position}")
        part, at = self._parts.popleft() if self._parts else memoryview(b""), 0
        for view in views:
            left = view
            while len(part) - at < len(left):
                taken = len(part) - at
                left[:taken] = part[at:]
                left = left[taken:]
                part, at = self._next_part(), 0
            end = at + len(left)
            left[:] = part[at:end]
            at = end
            self._position += len(view)
        self._parts.appendleft(part[at:])

    def _next_part(self) -> memoryview:
        while not self._parts:
            self._step()
        return self._parts.popleft()

    def _step(self) -> None:
        for _ in self.steps:
            return
        raise broken(str(self._sought), "its blocks are cut off")


class FullSink(BackupSink):
    """Of the full backup, with the oldest incremental one beside it."""

    def __init__(self, place: Place, beside: BesideSink) -> None:
        super().__init__(place, is_newest=False, is_incremental=False)
        self._beside = beside

    def is_wanted(self, path: str) -> bool:
        """What the oldest incremental has whole, or not at all, is not taken from here."""
        return path in self._beside.changed and self._beside.is_wanted(path)

    def end(self) -> None:
        super().end()
        self._beside.leave()

    def _begin_file(
        self, path: str, target: Path, size_bytes: int, flowing: Flowing | None = None
    ) -> None:
        flowing = self._beside.seek(path)
        super()._begin_file(path, target, size_bytes, flowing)


class _Changing:
    """Takes an incremental file in pieces: tells `begun` what it changes, and `take` the blocks."""

    def __init__(
        self,
        name: str,
        size_bytes: int,
        begun: Callable[[Changes], None],
        take: Callable[[memoryview], None],
    ) -> None:
        self._name, self._size = name, size_bytes
        self._begun, self._take = begun, take
        self._head = bytearray()
        self._is_begun = False

    def write(self, part: bytes | memoryview) -> None:
        if self._is_begun:
            self._take(memoryview(part))
            return
        self._head += part
        parsed = parse_head(self._name, self._head)
        if parsed is None:
            return
        changes, head_bytes = parsed
        if self._size != head_bytes + len(changes.numbers) * BLOCK_BYTES:
            raise broken(self._name, f"it has {self._size} bytes for {len(changes.numbers)} blocks")
        self._is_begun = True
        self._begun(changes)
        self._take(memoryview(self._head)[head_bytes:])

    def end(self) -> None:
        if not self._is_begun:
            raise broken(self._name, "its head is cut off")

    def close(self) -> None:
        """What was taken of it ends with who took it."""


def changed_path(path: str) -> str | None:
    """Of the file that an incremental file changes; None for a file that is there whole."""
    folder, _, name = path.rpartition("/")
    if not name.startswith(PREFIX):
        return None
    return f"{folder}/{name.removeprefix(PREFIX)}".lstrip("/")
