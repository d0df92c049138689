"""Time ranges, and the slots that a chart of one has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from insightengine.core.errors import InvalidInputError
from insightengine.core.time import TimeRange, from_ns, to_ns

DEFAULT_RANGE: Final = timedelta(minutes=15)
LONGEST_RANGE: Final = timedelta(days=31)
MOST_POINTS: Final = 1500
_USUAL_POINTS: Final = 180
_STEPS_S: Final = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800),
    *(3600, 7200, 10800, 21600, 43200, 86400),
)
# A request is in the store about this long after it was answered: tailing, spool, insert.
SETTLING: Final = timedelta(seconds=2)
SECOND_NS: Final = 1_000_000_000


def resolve_range(start: datetime | None, end: datetime | None, now: datetime) -> TimeRange:
    """The asked range; absent ends mean the 15 minutes until now.

    Raises InvalidInputError when it is empty, reversed or longer than 31 days.
    """
    try:
        last = now if end is None else end.astimezone(UTC)
        first = last - DEFAULT_RANGE if start is None else start.astimezone(UTC)
    except OverflowError:
        raise InvalidInputError("from or to lies outside of the calendar") from None
    if last <= first:
        raise InvalidInputError(
            f"the range ends at {_shown(last)}, which is not after its start {_shown(first)}",
            code="invalid_range",
            hint="give from and to as RFC 3339 times with from before to",
        )
    if last - first > LONGEST_RANGE:
        raise InvalidInputError(
            f"the range from {_shown(first)} to {_shown(last)} is longer than 31 days",
            code="range_too_long",
            hint="ask for at most 31 days at once",
        )
    return TimeRange(first, last)


def settled(asked: TimeRange, now: datetime) -> TimeRange:
    """The range without its last seconds when those are still on their way into the store.

    Rates over them would dip at the end of each live chart. A range that has nothing else stays.
    """
    end = min(asked.end, now - SETTLING)
    return TimeRange(asked.start, end) if end > asked.start else asked


def before(asked: TimeRange) -> TimeRange:
    """The range of the same length just before."""
    return TimeRange(asked.start - asked.duration, asked.start)


@dataclass(frozen=True, slots=True)
class Slot:
    """One point of a chart; `covered_s` is the part of the step that lies within the range."""

    start_ns: int
    covered_s: float

    @property
    def start(self) -> datetime:
        return from_ns(self.start_ns)


@dataclass(frozen=True, slots=True)
class Grid:
    """A range cut at the multiples of a step."""

    range: TimeRange
    step_s: int

    @property
    def step_ns(self) -> int:
        return self.step_s * SECOND_NS

    def slots(self) -> tuple[Slot, ...]:
        first = self.range.start_ns // self.step_ns * self.step_ns
        return tuple(
            Slot(start, self._covered_s(start))
            for start in range(first, self.range.end_ns, self.step_ns)
        )

    def _covered_s(self, start: int) -> float:
        end = min(start + self.step_ns, self.range.end_ns)
        return (end - max(start, self.range.start_ns)) / SECOND_NS


def grid_over(asked: TimeRange, step_s: int | None, *, at_least_s: int = 1) -> Grid:
    """With no step given, the shortest round one of at most 180 points and `at_least_s`.

    Raises InvalidInputError when the given step makes more than 1500 points.
    """
    seconds = asked.duration.total_seconds()
    if step_s is None:
        shortest = max(seconds / _USUAL_POINTS, at_least_s)
        fitting = (step for step in _STEPS_S if step >= shortest)
        return Grid(asked, next(fitting, _STEPS_S[-1]))
    if step_s < 1 or seconds / step_s > MOST_POINTS:
        raise InvalidInputError(
            f"step_s={step_s} over {seconds:g} s makes more than {MOST_POINTS} points",
            code="step_too_short",
            hint=f"leave step_s out, or give at least {math.ceil(seconds / MOST_POINTS)}",
        )
    return Grid(asked, step_s)


def seconds_of(asked: TimeRange) -> float:
    return (to_ns(asked.end) - to_ns(asked.start)) / SECOND_NS


def _shown(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
