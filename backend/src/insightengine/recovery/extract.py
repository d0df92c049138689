"""Brings the chain of a backup back into a folder, every block of it written once.

The newest backup is read first. It has every file that there will be, most of them only as the
blocks that changed. These are kept aside until an older backup comes with the file itself.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.recovery import names
from insightengine.recovery.blocks import BLOCK_BYTES, PREFIX, Changes, broken, parse_head
from insightengine.recovery.manifest import compare, parse_manifest
from insightengine.recovery.models import Backup, BackupKind, Chunk
from insightengine.recovery.stretches import ChangedFile, Spill, new_stretch
from insightengine.recovery.tarwalk import LABEL, MANIFEST, TarWalker

_READERS = 2
_AHEAD = 4
_INCREMENTAL_LINES = re.compile(rb"^INCREMENTAL FROM (LSN|TLI): .*\n", re.MULTILINE)
Fetch = Callable[[str, Chunk], bytes]  # an object of the backup, opened and compared


def extract_chain(
    chain: Sequence[Backup], target: Path, fetch: Fetch, count: Callable[[int], None]
) -> None:
    """`chain` is the full backup first. `target` is new or empty; `count` hears of plain bytes.

    Every file is compared with PostgreSQL's manifest on the way. The folder is not made durable
    here: a server that starts from it does so first. Raises ConflictError for damage of any kind.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise ConflictError(f"{target} is not empty; nothing was written into it")
    with Spill(target.parent) as spill:
        sink = ChainSink(target, spill)
        for backup in reversed(chain):
            sink.turn_to(backup, is_newest=backup is chain[-1])
            walker = TarWalker(sink)
            for plain in plain_chunks(backup, fetch):
                walker.feed(plain)
                count(len(plain))
            walker.finish()
            manifest = fetch(names.manifest(backup.id), backup.manifest)
            compare(parse_manifest(manifest), walker.files)
        sink.finish()
    label = target / LABEL
    label.write_bytes(_INCREMENTAL_LINES.sub(b"", label.read_bytes()))


def spilled_bytes(chain: Sequence[Backup]) -> int:
    """How much disk is needed, at most and for the time of it, beside the files themselves."""
    return sum(backup.plain_bytes for backup in chain if backup.kind is BackupKind.INCREMENTAL)


def plain_chunks(backup: Backup, fetch: Fetch) -> Iterator[bytes]:
    """The chunks in their order; a few ahead are read and opened by other threads."""
    return ahead(
        (lambda chunk=chunk: fetch(names.data(backup.id, chunk.number), chunk))  # type: ignore[misc]
        for chunk in backup.chunks
    )


def ahead(calls: Iterable[Callable[[], bytes]]) -> Iterator[bytes]:
    """Results of the calls in their order, at most `_AHEAD` of them computed in advance."""
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers:
        try:
            for call in calls:
                waiting.append(readers.submit(call))
                if len(waiting) >= _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class ChainSink:
    """`tarwalk.Sink` of all backups of a chain, the newest first."""

    def __init__(self, target: Path, spill: Spill) -> None:
        self._target = target
        self._spill = spill
        self._stretch = new_stretch()
        self._is_newest = self._is_incremental = False
        # Files of the newest backup that were not there whole yet: what changes them, oldest first.
        self._wanted: dict[str, list[Changes]] = {}
        self._file: ChangedFile | _Changing | None = None

    def turn_to(self, backup: Backup, *, is_newest: bool) -> None:
        """Its stream follows. Only the newest tells which files there are."""
        self._is_newest = is_newest
        self._is_incremental = backup.kind is BackupKind.INCREMENTAL

    def folder(self, path: str) -> None:
        if self._is_newest and path not in (".", ""):
            self._inside(path).mkdir(mode=0o700, parents=True, exist_ok=True)

    def begin(self, path: str, size_bytes: int) -> None:
        folder, _, name = path.rpartition("/")
        is_partial = self._is_incremental and name.startswith(PREFIX)
        real = f"{folder}/{name.removeprefix(PREFIX)}".lstrip("/") if is_partial else path
        target = self._inside(real)
        if real == MANIFEST or not (self._is_newest or real in self._wanted):
            return  # the manifest holds for its own backup only
        if is_partial:
            changes = self._wanted.setdefault(real, [])
            self._file = _Changing(real, size_bytes, self._spill, changes)
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        changes = self._wanted.pop(real, [])
        self._file = ChangedFile(target, size_bytes, changes, self._spill.read, self._stretch)

    def write(self, part: bytes | memoryview) -> None:
        if self._file is not None:
            self._file.write(part)

    def end(self) -> None:
        if self._file is not None:
            self._file.end()
            self._file = None

    def finish(self) -> None:
        """Raises ConflictError when a file never came whole."""
        for path in self._wanted:
            raise broken(path, "no backup before it has this file")

    def _inside(self, path: str) -> Path:
        """The stream is authenticated, and still gets no chance to write anywhere else."""
        if path.startswith("/") or ".." in path.split("/"):
            raise InvalidInputError(f"the backup names a file outside its folder: {path[:100]!r}")
        return self._target / path


class _Changing:
    """Takes an incremental file in pieces; at its end, `known` has its changes before the newer."""

    def __init__(self, name: str, size_bytes: int, spill: Spill, known: list[Changes]) -> None:
        self._name, self._size, self._spill, self._known = name, size_bytes, spill, known
        self._head = bytearray()
        self._is_begun = False

    def write(self, part: bytes | memoryview) -> None:
        if self._is_begun:
            self._spill.write(part)
            return
        self._head += part
        parsed = parse_head(self._name, self._head)
        if parsed is None:
            return
        changes, head_bytes = parsed
        if self._size != head_bytes + len(changes.numbers) * BLOCK_BYTES:
            raise broken(self._name, f"it has {self._size} bytes for {len(changes.numbers)} blocks")
        self._known.insert(0, replace(changes, offset=self._spill.length_bytes))
        self._spill.write(memoryview(self._head)[head_bytes:])
        self._is_begun = True

    def end(self) -> None:
        if not self._is_begun:
            raise broken(self._name, "its head is cut off")
