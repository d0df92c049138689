"""Brings the chain of a backup back into a folder: the full one, then each incremental over it."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.recovery import names
from insightengine.recovery.blocks import PREFIX, BlockFile
from insightengine.recovery.manifest import compare, parse_manifest
from insightengine.recovery.models import Backup, BackupKind, Chunk
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
    for backup in chain:
        _extract(backup, target, fetch, count)


def _extract(backup: Backup, target: Path, fetch: Fetch, count: Callable[[int], None]) -> None:
    sink = FolderSink(target, is_incremental=backup.kind is BackupKind.INCREMENTAL)
    walker = TarWalker(sink)
    for plain in plain_chunks(backup, fetch):
        walker.feed(plain)
        count(len(plain))
    walker.finish()
    compare(parse_manifest(fetch(names.manifest(backup.id), backup.manifest)), walker.files)
    sink.finish()
    label = target / LABEL
    label.write_bytes(_INCREMENTAL_LINES.sub(b"", label.read_bytes()))


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


class FolderSink:
    """`tarwalk.Sink` that writes files, and applies incremental ones to what is there."""

    def __init__(self, target: Path, *, is_incremental: bool) -> None:
        self._target = target
        self._is_incremental = is_incremental
        self._seen: set[str] = set()
        self._open: BlockFile | _PlainFile | None = None

    def folder(self, path: str) -> None:
        if path not in (".", ""):
            self._inside(path).mkdir(mode=0o700, parents=True, exist_ok=True)

    def begin(self, path: str, size_bytes: int) -> None:
        del size_bytes
        folder, _, name = path.rpartition("/")
        if self._is_incremental and name.startswith(PREFIX):
            real = f"{folder}/{name.removeprefix(PREFIX)}".lstrip("/")
            self._seen.add(real)
            self._open = BlockFile(self._inside(real))
            return
        self._seen.add(path)
        target = self._inside(path)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open = _PlainFile(target)

    def write(self, part: bytes | memoryview) -> None:
        if self._open is not None:
            self._open.write(part)

    def end(self) -> None:
        if self._open is not None:
            self._open.end()
            self._open = None

    def finish(self) -> None:
        """Removes what the newer backup no longer has, and the manifest, which held for itself."""
        if self._is_incremental:
            for path in sorted(self._target.rglob("*")):
                if path.is_file() and str(path.relative_to(self._target)) not in self._seen:
                    path.unlink()
        (self._target / MANIFEST).unlink(missing_ok=True)

    def _inside(self, path: str) -> Path:
        """The stream is authenticated, and still gets no chance to write anywhere else."""
        if path.startswith("/") or ".." in path.split("/"):
            raise InvalidInputError(f"the backup names a file outside its folder: {path[:100]!r}")
        return self._target / path


class _PlainFile:
    def __init__(self, target: Path) -> None:
        self._descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def write(self, part: bytes | memoryview) -> None:
        view = memoryview(part)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def end(self) -> None:
        os.close(self._descriptor)
