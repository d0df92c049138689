"""Moves closed spool segments into the store, each exactly once.

Crash order: a batch is written down before it is inserted; the insert is durable (the tables fsync)
and noted before segments are removed; the batch is forgotten last, when they cannot come back. A
repeated insert is dropped by its token.
"""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.batch_journal import BatchJournal
from insightengine.telemetry.ingest_plan import Action, Step, Waiting, backoff_s, is_due, plan
from insightengine.telemetry.insertion import IngestCounters, Inserter, Insertion, Workplace
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import CLOSED_SUFFIX, SegmentName

_log = structlog.get_logger("telemetry.ingest")
_POLL_S: Final = 0.25
_BATCH_BYTES: Final = 16 * 1024**2
_WORK: Final = "work"


@dataclass(frozen=True, slots=True)
class Lag:
    """What waits in closed segments of one signal."""

    segments: int
    bytes: int
    seconds: float


class SignalIngester:
    """Drains one signal; `run` is the body of its thread."""

    def __init__(self, spool: Path, signal: Signal, inserter: Inserter) -> None:
        self._spool = spool
        self._signal = signal
        self._journal = BatchJournal(spool, signal)
        self._last = float("-inf")
        self._left_alone: set[str] = set()
        self._counters = IngestCounters()
        self._workplace = Workplace(
            inserter,
            folder=spool / _WORK / signal.value,
            journal=self._journal,
            counters=self._counters,
        )

    @property
    def counters(self) -> IngestCounters:
        """A copy; the thread goes on counting."""
        return replace(self._counters)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; finishes the insert that is under way."""
        shutil.rmtree(self._workplace.folder, ignore_errors=True)
        failures = 0
        while not stop.is_set():
            try:
                busy = self._is_due() and self.drain()
                failures = 0
            except Exception as error:  # the thread must outlive whatever one pass met
                failures += 1
                self._failed(error, failures)
                stop.wait(backoff_s(failures))
                continue
            if not busy:
                stop.wait(_POLL_S)

    def drain(self) -> bool:
        """One batch; False when there was none."""
        steps = plan(self._waiting(), self._journal.read(), _BATCH_BYTES)
        for step in steps:
            self._carry_out(step)
        return bool(steps)

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

    def _is_due(self) -> bool:
        since_last_s = time.monotonic() - self._last
        return is_due(0, since_last_s) or is_due(self.lag().bytes, since_last_s)

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

    def _carry_out(self, step: Step) -> None:
        match step.action:
            case Action.COMMIT:
                self._journal.commit(step.batch)
            case Action.INSERT:
                Insertion(self._workplace, step.batch, self._spool).run()
                self._last = time.monotonic()
            case Action.MARK_STORED:
                self._journal.mark_stored()
            case Action.REMOVE:
                for segment in step.batch.segments:
                    path = self._spool / f"{segment.token}{CLOSED_SUFFIX}"
                    path.unlink(missing_ok=True)
                self._journal.forget()

    def _failed(self, error: Exception, failures: int) -> None:
        self._counters.failures += 1
        _log.error(
            "ingest pauses, what waits stays in the spool",
            signal=self._signal.value,
            error=str(error)[:2000],
            failures=failures,
            retry_in_s=backoff_s(failures),
        )
