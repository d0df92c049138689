"""What was received and is not stored yet: a deletion begins when it can find all of it.

A sender was told that its records are kept as soon as they are in the spool. A job that ran before
they are in the store would miss them, and they would be there after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import CLOSED_SUFFIX, OPEN_SUFFIX

_DELETED_FROM: Final = (Signal.LOGS, Signal.TRACES)
MOST_WAITED_S: Final = 600.0  # a spool that is not emptied must not hold up a deletion for ever


def waiting_in(spool: Path) -> frozenset[str]:
    """Names of the segments that are not stored yet, those included that are still written.

    A segment is renamed once, when it is closed: a listing may miss it just then, two cannot.
    """
    return frozenset((*_listed(spool), *_listed(spool)))


def _listed(spool: Path) -> Iterator[str]:
    for signal in _DELETED_FROM:
        for path in spool.glob(f"{signal.value}-*"):
            if path.suffix in (OPEN_SUFFIX, CLOSED_SUFFIX):
                yield path.stem


@dataclass(frozen=True, slots=True)
class Awaited:
    """`segments` of before the job are not stored; `is_over` once they were awaited for long."""

    segments: int
    is_over: bool

    @property
    def holds_up(self) -> bool:
        return self.segments > 0 and not self.is_over


class Arrivals:
    """Knows of each job what was waiting when it was first seen. Not kept: a store that starts anew
    awaits what waits then, which is at least as much."""

    def __init__(
        self, waiting: Callable[[], frozenset[str]], *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._waiting = waiting
        self._now_s = now_s
        self._seen: dict[str, tuple[frozenset[str], float]] = {}

    def see(self, job: str) -> None:
        self._seen.setdefault(job, (self._waiting(), self._now_s()))

    def awaited(self, job: str) -> Awaited:
        self.see(job)
        before, since_s = self._seen[job]
        left = len(before & self._waiting())
        return Awaited(left, self._now_s() - since_s >= MOST_WAITED_S)

    def forget(self, job: str) -> None:
        self._seen.pop(job, None)
