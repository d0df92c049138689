"""When the WAL was where: turns a time into a position, and notices a clock that was set back.

Pure. PostgreSQL orders commits by position; their times come from a clock that a person or NTP may
set back, so that one time can stand for two positions. Positions decide, times are shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from insightengine.core.lsn import Lsn


@dataclass(frozen=True, slots=True)
class Moment:
    """At the time `at` of this machine's clock the WAL of the server had come to `lsn`."""

    at: datetime
    timeline: int
    lsn: Lsn

    @classmethod
    def of(cls, unix_s: float, timeline: int, lsn: int) -> Moment:
        return cls(datetime.fromtimestamp(unix_s, UTC), timeline, Lsn(lsn))


@dataclass(frozen=True, slots=True)
class Candidate:
    """One stretch of WAL in which the asked time passed: after `before`, not after `after`."""

    timeline: int
    before: Lsn
    after: Lsn


def candidates(moments: Sequence[Moment], at: datetime) -> tuple[Candidate, ...]:
    """Every passage of the clock over `at`; more than one means that the clock was set back.

    `moments` stand in the order in which they were noted. Empty when they do not reach around it.
    """
    found: list[Candidate] = []
    for earlier, later in itertools.pairwise(moments):
        if earlier.timeline == later.timeline and earlier.at <= at < later.at:
            found.append(Candidate(earlier.timeline, earlier.lsn, later.lsn))
    return tuple(found)


def set_back(moments: Sequence[Moment], tolerated: timedelta = timedelta(seconds=1)) -> bool:
    """Whether the clock went back between any two moments by more than is tolerated."""
    return any(later.at < earlier.at - tolerated for earlier, later in itertools.pairwise(moments))


def reached_at(moments: Sequence[Moment], timeline: int, lsn: Lsn) -> datetime | None:
    """When the server's WAL had come to this position, by the newest moment not behind it."""
    before = [m for m in moments if m.timeline == timeline and m.lsn <= lsn]
    return before[-1].at if before else None


def thinned(moments: Sequence[Moment], every: timedelta) -> list[Moment]:
    """The first of each stretch of `every`; a clock that went back begins a new stretch."""
    kept: list[Moment] = []
    for moment in moments:
        last = kept[-1] if kept else None
        if (
            last is None
            or moment.timeline != last.timeline
            or moment.at < last.at
            or moment.at - last.at >= every
        ):
            kept.append(moment)
    return kept
