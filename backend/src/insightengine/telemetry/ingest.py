"""Moves closed spool segments into the store, each exactly once.

Crash order: the insert is durable (the tables fsync) before the segment is removed; a repeated
insert is dropped by its token. A split is journalled before the halves are inserted under tokens of
their own, so that a later run never inserts the whole under the first token.
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
from insightengine.telemetry.ingest_plan import Action, Step, backoff_s, plan
from insightengine.telemetry.insertion import (
    JOURNAL_SUFFIX,
    IngestCounters,
    Inserter,
    Insertion,
    Workplace,
)
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import CLOSED_SUFFIX, SegmentName

_log = structlog.get_logger("telemetry.ingest")
_POLL_S: Final = 0.2
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
        self._inserted: set[str] = set()
        self._counters = IngestCounters()
        self._workplace = Workplace(inserter, spool / _WORK / signal.value, self._counters)

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; finishes the insert that is under way."""
        self._clear_leftovers()
        failures = 0
        while not stop.is_set():
            try:
                busy = self.drain(stop)
                failures = 0
            except Exception as error:  # the thread must outlive whatever one pass met
                failures += 1
                self._failed(error, failures)
                stop.wait(backoff_s(failures))
                continue
            if not busy:
                stop.wait(_POLL_S)

    def drain(self, stop: threading.Event | None = None) -> bool:
        """One pass over what is there; True when there was something."""
        steps = plan(self._closed_segments(), self._inserted)
        for step in steps:
            if stop is not None and stop.is_set():
                break
            self._carry_out(step)
        return bool(steps)

    @property
    def counters(self) -> IngestCounters:
        """A copy; the thread goes on counting."""
        return replace(self._counters)

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

    def _clear_leftovers(self) -> None:
        shutil.rmtree(self._workplace.folder, ignore_errors=True)
        for journal in self._spool.glob(f"{self._signal.value}-*{JOURNAL_SUFFIX}"):
            if not journal.with_suffix(CLOSED_SUFFIX).exists():
                journal.unlink(missing_ok=True)

    def _closed_segments(self) -> list[SegmentName]:
        names: list[SegmentName] = []
        for path in self._spool.glob(f"{self._signal.value}-*{CLOSED_SUFFIX}"):
            try:
                names.append(SegmentName.parse(path.stem))
            except InvalidInputError as error:
                _log.error("file in the spool is left alone", error=error.message)
        return names

    def _carry_out(self, step: Step) -> None:
        path = self._spool / f"{step.segment.token}{CLOSED_SUFFIX}"
        match step.action:
            case Action.INSERT:
                Insertion(self._workplace, step.segment, path).run()
                self._inserted.add(step.segment.token)
            case Action.REMOVE:
                path.unlink(missing_ok=True)
                path.with_suffix(JOURNAL_SUFFIX).unlink(missing_ok=True)
                self._inserted.discard(step.segment.token)

    def _failed(self, error: Exception, failures: int) -> None:
        self._counters.failures += 1
        _log.error(
            "ingest pauses, the segment stays in the spool",
            signal=self._signal.value,
            error=str(error)[:2000],
            failures=failures,
            retry_in_s=backoff_s(failures),
        )
