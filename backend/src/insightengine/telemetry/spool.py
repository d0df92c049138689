"""The durable spool between the collector's acknowledgement and the store.

`append` returns when the bytes are on disk; appends that arrive while an fsync runs share the next
one. A segment grows as `<name>.open`, becomes `<name>.pb` by a rename once it is large or old
enough, and belongs to the store from then on. What a kill leaves behind is whole records and at
most one torn tail, which the next start cuts.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from insightengine.core.disk import is_full
from insightengine.core.errors import ConflictError, UnavailableError
from insightengine.telemetry import segments
from insightengine.telemetry.messages import count_entries
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segment_writer import SegmentWriter, sync_folder
from insightengine.telemetry.setaside import SetAside, set_aside

_log = structlog.get_logger("telemetry.spool")
_MEASURE_EVERY_S: Final = 0.25
RETRY_AFTER_S: Final = 5


class SpoolUnavailableError(UnavailableError):
    """The request was not taken; nothing of it is kept, and it may be sent again."""

    default_code = "spool_unavailable"


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """`max_bytes` bounds all segments together; a segment closes at its size or age."""

    max_bytes: int
    segment_bytes: int
    segment_age_s: float


@dataclass(frozen=True, slots=True)
class SignalCounters:
    """Since the start of the spool."""

    accepted_requests: int = 0
    accepted_entries: int = 0
    accepted_bytes: int = 0
    refused_requests: int = 0
    commits: int = 0


Done = Callable[["SpoolUnavailableError | None"], None]
Prepare = Callable[[Signal, bytes], bytes]


@dataclass(slots=True)
class _Pending:
    """`pieces` make the record; `done` is called when it is on disk, or with why it is not."""

    pieces: tuple[bytes, ...]
    size: int
    entries: int
    done: Done


class _Lane:
    """One signal's queue and the task that writes it, one commit at a time."""

    def __init__(self, writer: SegmentWriter, limits: SpoolLimits, threads: ThreadPoolExecutor):
        self.counters = SignalCounters()
        self.trouble = ""  # why the last commit failed
        self._writer = writer
        self._limits = limits
        self._threads = threads
        self._pending: list[_Pending] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())

    def put(self, item: _Pending) -> None:
        self._pending.append(item)
        self._wake.set()

    @property
    def held_bytes(self) -> int:
        """What waits to be written, and what is in segments that the store has not got yet."""
        return sum(item.size for item in self._pending) + self._writer.held_bytes

    async def close(self) -> None:
        """Commits what waits and closes the segment."""
        self._closing = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        while not (self._closing and not self._pending):
            await self._wait()
            while self._pending:
                await self._commit(self._next_batch())
                await self._close_if_due()
            await self._close_if_due()
        await self._in_thread(self._close_segment)

    async def _wait(self) -> None:
        """Until an append or the end comes, or the open segment is old enough."""
        try:
            async with asyncio.timeout(self._age_left_s()):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    def _age_left_s(self) -> float | None:
        since = self._writer.since
        return None if since is None else since + self._limits.segment_age_s - time.monotonic()

    def _next_batch(self) -> list[_Pending]:
        """What fits into the segment, and always something."""
        room = self._limits.segment_bytes - self._writer.size
        batch: list[_Pending] = []
        for item in self._pending:
            if batch and room < item.size:
                break
            batch.append(item)
            room -= item.size
        del self._pending[: len(batch)]
        return batch

    async def _commit(self, batch: list[_Pending]) -> None:
        pieces = [piece for item in batch for piece in item.pieces]
        try:
            await self._in_thread(lambda: self._writer.write(pieces))
        except OSError as error:
            self._refuse(batch, error)
            return
        self.trouble = ""
        before = self.counters
        self.counters = replace(
            before,
            accepted_requests=before.accepted_requests + len(batch),
            accepted_entries=before.accepted_entries + sum(item.entries for item in batch),
            accepted_bytes=before.accepted_bytes + sum(item.size for item in batch),
            commits=before.commits + 1,
        )
        for item in batch:
            item.done(None)

    def _refuse(self, batch: list[_Pending], error: OSError) -> None:
        _log.error(
            "spool write failed, requests are refused", error=str(error), requests=len(batch)
        )
        self.counters = replace(
            self.counters, refused_requests=self.counters.refused_requests + len(batch)
        )
        refusal = _refusal(error)
        self.trouble = refusal.message
        for item in batch:
            item.done(refusal)

    async def _close_if_due(self) -> None:
        left_s = self._age_left_s()
        if left_s is not None and (left_s <= 0 or self._writer.size >= self._limits.segment_bytes):
            await self._in_thread(self._close_segment)

    def _close_segment(self) -> None:
        try:
            self._writer.close()
        except OSError as error:
            _log.error("spool segment stays open until the next start", error=str(error))

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, work)


class Spool:
    """Made by `open_spool`. Belongs to one event loop."""

    def __init__(
        self, folder: Path, limits: SpoolLimits, lock: int, collector: str, prepare: Prepare | None
    ) -> None:
        self._prepare = prepare
        self._folder = folder
        self._limits = limits
        self._lock = lock
        self._threads = ThreadPoolExecutor(len(Signal), thread_name_prefix="spool")
        self._lanes = {
            signal: _Lane(SegmentWriter(folder, signal, collector), limits, self._threads)
            for signal in Signal
        }
        self._measured_at = float("-inf")
        self._measured_bytes = 0
        self._closed = False

    async def append(self, signal: Signal, payload: bytes, entries: int | None = None) -> None:
        """Returns when `payload`, one Export…ServiceRequest, is on disk.

        `entries` is its number of spans, points or records, counted here when not given.
        Raises SpoolUnavailableError, and keeps nothing, when the spool or the disk is full.
        """
        if self._prepare is not None:
            payload = self._prepare(signal, payload)
        if entries is None:
            entries = count_entries(signal, payload)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def done(error: SpoolUnavailableError | None) -> None:
            if written.done():  # who appended has gone
                return
            if error is None:
                written.set_result(None)
            else:
                written.set_exception(error)

        self.submit(signal, payload, entries, done)
        await written

    def submit(
        self, signal: Signal, payload: bytes, entries: int, done: Done, source: str = ""
    ) -> None:
        """`append` of what is prepared, without a future.

        `done` is called once, at once or later, and may not raise.
        """
        before = segments.prefix(payload, entries, source)
        item = _Pending((before, payload), len(before) + len(payload), entries, done)
        lane = self._lanes[signal]
        if self._closed or self._exceeds(item.size):
            lane.counters = replace(
                lane.counters, refused_requests=lane.counters.refused_requests + 1
            )
            done(self._closing_error() if self._closed else self._full_error())
            return
        lane.put(item)

    async def close(self) -> None:
        """Commits what was appended, closes all segments and gives the folder free. Idempotent."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))
        self._threads.shutdown()
        os.close(self._lock)

    @property
    def counters(self) -> Mapping[Signal, SignalCounters]:
        return {signal: lane.counters for signal, lane in self._lanes.items()}

    @property
    def spooled_bytes(self) -> int:
        """Bytes in all segments, those waiting for the store included; at most 250 ms old."""
        if time.monotonic() - self._measured_at >= _MEASURE_EVERY_S:
            held = sum(lane.held_bytes for lane in self._lanes.values())
            self._measured_bytes = _closed_bytes(self._folder) + held
            self._measured_at = time.monotonic()
        return self._measured_bytes

    @property
    def trouble(self) -> str:
        """Why requests are refused at present; '' when they are taken."""
        if self.spooled_bytes >= self._limits.max_bytes:
            return "spool full"
        return next((lane.trouble for lane in self._lanes.values() if lane.trouble), "")

    def _exceeds(self, more: int) -> bool:
        if self.spooled_bytes + more > self._limits.max_bytes:
            return True
        self._measured_bytes += more
        return False

    def _full_error(self) -> SpoolUnavailableError:
        return SpoolUnavailableError(
            f"telemetry spool {self._folder} is full: {self.spooled_bytes} of "
            f"{self._limits.max_bytes} bytes wait for the store",
            code="spool_full",
            hint="insight status, or raise INSIGHT_SPOOL_MAX_BYTES",
        )

    def _closing_error(self) -> SpoolUnavailableError:
        return SpoolUnavailableError("the collector is shutting down", code="spool_closed")


def open_spool(folder: Path, limits: SpoolLimits, prepare: Prepare | None = None) -> Spool:
    """Takes the folder, repairs what a kill left, and starts to accept; needs a running loop.

    `prepare` changes each request that is appended: it takes out what must not be stored.
    Raises ConflictError when another collector has the folder.
    """
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    lock = _locked(folder)
    try:
        for path in sorted(folder.glob(f"*{segments.OPEN_SUFFIX}")):
            repair(path)
    except BaseException:
        os.close(lock)
        raise
    collector = f"{time.time_ns() // 1_000_000:013d}{secrets.token_hex(4)}"
    return Spool(folder, limits, lock, collector, prepare)


def repair(path: Path) -> None:
    """Cuts the torn tail of a segment that its collector could not close, and closes it."""
    content = path.read_bytes()
    scan = segments.scan(content)
    torn = scan.torn_tail(len(content))
    if torn is not None:
        _cut(path, torn, content[torn.start : torn.end].rstrip(b"\0"))
    if scan.records or len(scan.damages) > 1:
        path.rename(path.with_suffix(segments.CLOSED_SUFFIX))
    else:
        path.unlink()
    sync_folder(path.parent)


def _cut(path: Path, torn: segments.Damage, written: bytes) -> None:
    """What was only reserved is zeros, and no loss."""
    if written:
        reason = "torn tail: its collector ended while writing"
        what = SetAside(path.stem, torn.start, torn.start + len(written), reason)
        set_aside(path.parent, what, written)
        _log.warning("torn tail cut", segment=path.stem, size_bytes=len(written))
    os.truncate(path, torn.start)


def _locked(folder: Path) -> int:
    lock = os.open(folder / "collector.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConflictError(
            f"spool {folder} belongs to another running collector", hint="insight status"
        ) from None
    return lock


def _closed_bytes(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(segments.CLOSED_SUFFIX):
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:  # the store was done with it meanwhile
                    continue
    return total


def _refusal(error: OSError) -> SpoolUnavailableError:
    full = is_full(error)
    return SpoolUnavailableError(
        f"telemetry spool cannot write: {error.strerror or error}",
        code="spool_disk_full" if full else "spool_unavailable",
        hint="free some disk space" if full else "insight logs collector",
    )
