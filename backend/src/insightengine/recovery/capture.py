"""Takes a base backup: PostgreSQL's stream, checked, cut, sealed and stored while it flows.

Nothing is staged on this machine's disk, and memory is bounded by the chunks in flight. A stream
that breaks leaves objects without a description, which is as good as nothing: `prune` removes them.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from insightengine.core.errors import ConflictError, InsightError, UnavailableError
from insightengine.recovery import names
from insightengine.recovery.commands import Argv
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.journal import Progress
from insightengine.recovery.manifest import Manifest, compare, parse_manifest
from insightengine.recovery.models import CHUNK_BYTES, Chunk
from insightengine.recovery.repository import Repository
from insightengine.recovery.tarwalk import MANIFEST, TarFile, TarWalker

_WORKERS = 2
_IN_FLIGHT = 3
_PIECE = 1024 * 1024
Tell = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Captured:
    """A stream that agreed with its manifest. `failed` maps a repository that did not take all
    of it to what it said; at least one other took everything."""

    chunks: tuple[Chunk, ...]
    manifest_chunk: Chunk
    manifest: Manifest
    files: tuple[TarFile, ...]
    failed: Mapping[str, str]

    @property
    def plain_bytes(self) -> int:
        return sum(chunk.plain_bytes for chunk in self.chunks)

    @property
    def stored_bytes(self) -> int:
        return sum(chunk.stored_bytes for chunk in self.chunks) + self.manifest_chunk.stored_bytes


class Spread:
    """Writes the same sealed objects to several repositories; one that fails is left out."""

    def __init__(self, repositories: Sequence[Repository], envelope: Envelope) -> None:
        self._repositories = list(repositories)
        self._envelope = envelope
        self._lock = threading.Lock()
        self.failed: dict[str, str] = {}

    def put(self, number: int, key: str, plain: bytes) -> Chunk:
        """Raises UnavailableError when no repository is left."""
        sealed = self._envelope.seal(key, plain)
        for repository in self._repositories:
            if repository.name in self.failed:
                continue
            try:
                repository.put_sealed(key, sealed.content)
            except InsightError as error:
                self._give_up(repository.name, error)
        if len(self.failed) == len(self._repositories):
            reasons = "; ".join(self.failed.values())
            raise UnavailableError(
                f"no repository takes the backup: {reasons}",
                code="no_repository",
                hint="insight backup repositories",
            )
        return Chunk(number, len(plain), len(sealed.content), sealed.sha256)

    def _give_up(self, name: str, error: InsightError) -> None:
        with self._lock:
            self.failed.setdefault(name, error.message)


def capture(
    backup_id: str,
    argv: Argv,
    environment: Mapping[str, str],
    spread: Spread,
    tell: Tell,
    expected_bytes: int | None,
) -> Captured:
    """Runs `pg_basebackup` and stores what it writes. Raises UnavailableError when it fails, and
    ConflictError when what was received is not what the manifest says."""
    walker = TarWalker()
    with subprocess.Popen(
        argv,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        try:
            chunks = _store(backup_id, process, walker, spread, Meter(tell, expected_bytes))
        except BaseException:
            process.kill()
            raise
        errors = _text(process.stderr)
        if process.wait() != 0:
            raise _failed(process.returncode, errors)
    walker.finish()
    content = walker.kept.get(MANIFEST)
    if content is None:
        raise ConflictError("the base backup came without its manifest", code="broken_stream")
    manifest = parse_manifest(content)
    compare(manifest, walker.files)
    kept = spread.put(0, names.manifest(backup_id), content)
    return Captured(chunks, kept, manifest, tuple(walker.files), dict(spread.failed))


def _store(
    backup_id: str,
    process: subprocess.Popen[bytes],
    walker: TarWalker,
    spread: Spread,
    meter: Meter,
) -> tuple[Chunk, ...]:
    """Reads in this thread; seals and stores in others, as many chunks at once as allowed."""
    room = threading.Semaphore(_IN_FLIGHT)
    stored: list[Future[Chunk]] = []
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="store") as workers:
        while True:
            room.acquire()
            _raise_failed(stored)
            plain = _read_chunk(process.stdout)
            if not plain:
                break
            walker.feed(plain)
            meter.add(len(plain))
            number = len(stored)
            future = workers.submit(spread.put, number, names.data(backup_id, number), plain)
            future.add_done_callback(lambda _: room.release())
            stored.append(future)
    return tuple(future.result() for future in stored)


def _raise_failed(stored: Sequence[Future[Chunk]]) -> None:
    """A chunk that could not be stored ends the stream at once, not at its end."""
    for future in stored[-_IN_FLIGHT - 1 :]:
        if future.done():
            future.result()


def _read_chunk(stream: IO[bytes] | None) -> bytes:
    """A whole chunk, or what is left of the stream."""
    pieces: list[bytes] = []
    left = CHUNK_BYTES
    while left and stream is not None:
        piece = stream.read(min(_PIECE, left))
        if not piece:
            break
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _text(stream: IO[bytes] | None) -> str:
    return stream.read().decode("utf-8", "replace").strip() if stream else ""


def _failed(code: int, errors: str) -> InsightError:
    lines = [line for line in errors.splitlines() if "error:" in line] or errors.splitlines()[-1:]
    message = f"pg_basebackup exited with {code}: {' '.join(lines)[:500]}"
    if "requires a base manifest" in errors or "WAL summar" in errors:
        return ConflictError(
            message, code="no_summaries", hint="insight backup create --full: begins a new chain"
        )
    return UnavailableError(message, hint="insight status; insight logs postgres")


class Meter:
    """Tells progress about twice a second, with the rate of the last seconds."""

    _EVERY_S = 0.5
    _WINDOW_S = 8.0

    def __init__(self, tell: Tell, total: int | None, text: str = "reading the cluster") -> None:
        self._tell = tell
        self._total = total
        self._text = text
        self._done = 0
        self._told_at = 0.0
        self._past: list[tuple[float, int]] = [(time.monotonic(), 0)]

    def add(self, size: int) -> None:
        self._done += size
        now = time.monotonic()
        if now - self._told_at < self._EVERY_S:
            return
        self._told_at = now
        self._past = [past for past in self._past if now - past[0] < self._WINDOW_S] or [(now, 0)]
        began, then = self._past[0]
        rate = (self._done - then) / (now - began) if now > began else 0.0
        self._past.append((now, self._done))
        total = None if self._total is None else max(self._total, self._done)
        self._tell(Progress(self._text, self._done, total, rate))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What PostgreSQL's programs need around them: nothing of the caller's environment."""

    pass_file: Path | None
    nice: int = 10
    extra: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        found = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **self.extra}
        if self.pass_file is not None:
            found["PGPASSFILE"] = str(self.pass_file)
        return found
