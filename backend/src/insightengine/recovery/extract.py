"""Brings the chain of a backup back into a folder, every block of it written once.

The newest backup is read first, and the full one last, side by side with the oldest incremental.
"""

from __future__ import annotations

import re
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from insightengine.core.errors import ConflictError
from insightengine.recovery import names
from insightengine.recovery.manifest import Manifest, compare, parse_manifest
from insightengine.recovery.models import Backup, BackupKind, Chunk
from insightengine.recovery.sinks import BackupSink, BesideSink, FullSink, Place
from insightengine.recovery.stretches import Spill, Writers
from insightengine.recovery.tarwalk import LABEL, TarWalker

_READERS = 2
_AHEAD = 3  # chunks of a stream that are open or being opened before they are asked for
_INCREMENTAL_LINES = re.compile(rb"^INCREMENTAL FROM (LSN|TLI): .*\n", re.MULTILINE)
Fetch = Callable[[str, Chunk], bytes]  # an object of the backup, opened and compared
Steps = Generator[None, None, None]


def extract_chain(
    chain: Sequence[Backup], target: Path, fetch: Fetch, count: Callable[[int], None]
) -> None:
    """`chain` is the full backup first. `target` is new or empty; `count` hears of plain bytes.

    Every file is compared with PostgreSQL's manifest on the way. The folder is not made durable
    here: a server that starts from it does so first. Raises ConflictError for damage of any kind,
    and OSError when the disk does not take it.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise ConflictError(f"{target} is not empty; nothing was written into it")
    with (
        tempfile.TemporaryFile(dir=target.parent, buffering=0) as kept,
        Writers() as writers,
        ThreadPoolExecutor(_READERS, thread_name_prefix="read") as readers,
    ):
        place = Place(target, Spill(kept.fileno(), writers), writers)
        _walk_all(chain, place, _Streams(fetch, count, readers))
        place.finish()
    label = target / LABEL
    label.write_bytes(_INCREMENTAL_LINES.sub(b"", label.read_bytes()))


def _walk_all(chain: Sequence[Backup], place: Place, streams: _Streams) -> None:
    full, *incrementals = chain
    for backup in reversed(incrementals[1:]):
        is_newest = backup is chain[-1]
        to_its_end(
            streams.walked(backup, BackupSink(place, is_newest=is_newest, is_incremental=True))
        )
    if not incrementals:
        to_its_end(streams.walked(full, BackupSink(place, is_newest=True, is_incremental=False)))
        return
    oldest = incrementals[0]
    paths = streams.manifest(oldest).files
    beside = BesideSink(place, paths, is_newest=oldest is chain[-1])
    with closing(streams.walked(oldest, beside)) as beside.steps:
        to_its_end(streams.walked(full, FullSink(place, beside)))
        to_its_end(beside.steps)


@dataclass(frozen=True, slots=True)
class _Streams:
    """Walks the streams of backups; the chunks that follow are read and opened by `readers`."""

    fetch: Fetch
    count: Callable[[int], None]
    readers: Executor

    def walked(self, backup: Backup, sink: BackupSink) -> Steps:
        """Stops after each part of the stream. At its end, its files were compared."""
        walker = TarWalker(sink)
        with closing(sink), closing(ahead(self._chunks(backup), self.readers)) as chunks:
            for plain in chunks:
                yield from walker.steps(plain)
                self.count(len(plain))
        walker.finish()
        compare(self.manifest(backup), walker.files)

    def manifest(self, backup: Backup) -> Manifest:
        return parse_manifest(self.fetch(names.manifest(backup.id), backup.manifest))

    def _chunks(self, backup: Backup) -> Iterator[Callable[[], bytes]]:
        for chunk in backup.chunks:
            yield partial(self.fetch, names.data(backup.id, chunk.number), chunk)


def to_its_end(steps: Iterable[None]) -> None:
    deque(steps, maxlen=0)


def spilled_bytes(chain: Sequence[Backup]) -> int:
    """How much disk is needed, at most and for the time of it, beside the files themselves."""
    return sum(backup.plain_bytes for backup in chain if backup.kind is BackupKind.INCREMENTAL)


def ahead(calls: Iterable[Callable[[], bytes]], readers: Executor) -> Generator[bytes, None, None]:
    """Results of the calls in their order, at most `_AHEAD` of them computed in advance."""
    waiting: deque[Future[bytes]] = deque()
    try:
        for call in calls:
            waiting.append(readers.submit(call))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
