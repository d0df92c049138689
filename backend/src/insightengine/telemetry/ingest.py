"""Moves closed spool segments into the store, each exactly once.

Crash order: a batch is written down before it is inserted; the insert is durable (the tables fsync)
and noted before segments are removed; the batch is forgotten last, when they cannot come back. A
repeated insert is dropped by its token.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.batch_journal import BatchJournal
from insightengine.telemetry.ingest_plan import (
    Action,
    Committed,
    Pace,
    Step,
    Waiting,
    backoff_s,
    pace,
    plan,
)
from insightengine.telemetry.insertion import IngestCounters, Inserter, Insertion, Workplace
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import CLOSED_SUFFIX, SegmentName

_log = structlog.get_logger("telemetry.ingest")
_POLL_S: Final = 0.25
# Four full segments, each with the request that filled it: planning an insert takes as long as
# 20,000 of its records, whatever it brings. More of them would take too much memory.
BATCH_BYTES: Final = 48 * 1024**2
_WORK: Final = "work"


@dataclass(frozen=True, slots=True)
class Lag:
    """What waits in closed segments of one signal."""

    segments: int
    bytes: int
    seconds: float


class _Slot:
    """One batch at a time, and what is known of it."""

    def __init__(self, spool: Path, signal: Signal, number: int, inserter: Inserter) -> None:
        self.journal = BatchJournal(spool, signal, number)
        self.counters = IngestCounters()
        self._spool = spool
        folder = spool / _WORK / f"{signal.value}.{number}"
        self._workplace = Workplace(inserter, folder, self.journal, self.counters)

    def clear(self) -> None:
        shutil.rmtree(self._workplace.folder, ignore_errors=True)

    def carry_out(self, steps: Sequence[Step]) -> None:
        for step in steps:
            match step.action:
                case Action.COMMIT:
                    self.journal.commit(step.batch)
                case Action.INSERT:
                    Insertion(self._workplace, step.batch, self._spool).run()
                case Action.MARK_STORED:
                    self.journal.mark_stored()
                case Action.REMOVE:
                    for segment in step.batch.segments:
                        path = self._spool / f"{segment.token}{CLOSED_SUFFIX}"
                        path.unlink(missing_ok=True)
                    self.journal.forget()


class SignalIngester:
    """Drains one signal; `run` is the body of its thread.

    With much to insert, batches go in side by side: one insert keeps one processor busy. With
    little, one of all ingesters that share `turn` goes in after the other.
    """

    def __init__(
        self,
        spool: Path,
        signal: Signal,
        inserter: Inserter,
        *,
        slots: int = 2,
        turn: threading.Lock | None = None,
    ) -> None:
        self._spool = spool
        self._signal = signal
        self._slots = [_Slot(spool, signal, number, inserter) for number in range(slots)]
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix=f"insert-{signal.value}")
        self._turn = turn or threading.Lock()
        self._running: dict[Future[None], tuple[int, Committed]] = {}
        self._last = float("-inf")
        self._failures = 0
        self._left_alone: set[str] = set()

    @property
    def counters(self) -> IngestCounters:
        """A copy; the threads go on counting."""
        return IngestCounters.total(slot.counters for slot in self._slots)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; finishes the inserts that are under way."""
        for slot in self._slots:
            slot.clear()
        while not stop.is_set():
            try:
                busy = self._advance()
                self._failures = 0
            except Exception as error:  # the thread must outlive whatever one pass met
                self._failures += 1
                self._failed(error)
                stop.wait(backoff_s(self._failures))
                continue
            if not busy:
                stop.wait(_POLL_S)
        self._threads.shutdown()

    def drain(self) -> bool:
        """One batch a slot; False when there was none. All end before an error is raised."""
        self._start(Pace.AT_ONCE)
        return self._end(ALL_COMPLETED)

    def _advance(self) -> bool:
        """Gives free slots a batch, and waits for the slot that ends first."""
        now = pace(self.lag().bytes, time.monotonic() - self._last)
        if now is not Pace.WAIT:
            self._start(now)
        return self._end(FIRST_COMPLETED)

    def _start(self, at: Pace) -> None:
        running = dict(self._running.values())
        idle = {
            number: found
            for number, slot in enumerate(self._slots)
            if number not in running and (found := slot.journal.read()) is not None
        }
        planned = plan(self._waiting(), running | idle, len(self._slots), BATCH_BYTES)
        for number in planned.keys() - running.keys():
            steps = planned[number]
            started = self._threads.submit(self._carry_out, self._slots[number], steps, at)
            self._running[started] = (number, Committed(steps[0].batch, is_stored=False))
            self._last = time.monotonic()

    def _carry_out(self, slot: _Slot, steps: Sequence[Step], at: Pace) -> None:
        with self._turn if at is Pace.IN_TURN else nullcontext():
            slot.carry_out(steps)

    def _end(self, when: str) -> bool:
        """False when nothing was under way. Raises what one of those that ended raised."""
        ended, _ = wait(self._running, return_when=when)
        for each in ended:
            del self._running[each]
        for each in ended:
            each.result()
        return bool(ended)

    def lag(self) -> Lag:
        sizes: list[int] = []
        oldest = now = time.time()
        for path in self._spool.glob(f"{self._signal.value}-*{CLOSED_SUFFIX}"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            sizes.append(status.st_size)
            oldest = min(oldest, status.st_mtime)
        return Lag(len(sizes), sum(sizes), now - oldest)

    def _waiting(self) -> list[Waiting]:
        found: list[Waiting] = []
        for path in self._spool.glob(f"{self._signal.value}-*{CLOSED_SUFFIX}"):
            try:
                found.append(Waiting(SegmentName.parse(path.stem), path.stat().st_size))
            except InvalidInputError as error:
                if path.name not in self._left_alone:
                    _log.error("file in the spool is left alone", error=error.message)
                    self._left_alone.add(path.name)
        return found

    def _failed(self, error: Exception) -> None:
        self._slots[0].counters.failures += 1
        _log.error(
            "ingest pauses, what waits stays in the spool",
            signal=self._signal.value,
            error=str(error)[:2000],
            failures=self._failures,
            retry_in_s=backoff_s(self._failures),
        )
