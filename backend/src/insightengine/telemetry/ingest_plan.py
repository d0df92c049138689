"""What to do with the segments of one signal, and with one that the store refuses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from insightengine.telemetry.decode import NESTED_CODE
from insightengine.telemetry.segments import SegmentName

# ClickHouse error codes that speak of the store's own state and not of the rows: files, disk,
# parts, time, cancellation, and the codes of exceptions of the operating system.
_ENVIRONMENT: Final = frozenset(
    {60, 74, 75, 76, 81, 87, 88, 107, 159, 160, 164, 202, 210, 218, 225, 236, 242, 243, 252, 319}
    | {394, 999}
)
# Unknown, MEMORY_LIMIT_EXCEEDED and exceptions of libraries may have either cause.
_UNCERTAIN: Final = frozenset({0, 241, 1000, 1001, 1002})
_UNCERTAIN_ATTEMPTS: Final = 3
_BACKOFF_MAX_S: Final = 30.0


class Action(Enum):
    INSERT = auto()
    REMOVE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    action: Action
    segment: SegmentName


def plan(segments: Iterable[SegmentName], inserted: Set[str]) -> tuple[Step, ...]:
    """Oldest first: insert, then remove. A segment goes only after its rows are on disk.

    `inserted` holds the tokens known to be stored. It may lack some, after a kill between insert
    and removal: their insert is repeated, and the store drops it by its token.
    """
    steps: list[Step] = []
    for segment in sorted(segments, key=lambda name: name.token):
        if segment.token not in inserted:
            steps.append(Step(Action.INSERT, segment))
        steps.append(Step(Action.REMOVE, segment))
    return tuple(steps)


class Remedy(Enum):
    """What follows a refusal. An insert is one block: nothing of a refused one is stored."""

    RETRY_LATER = auto()
    FLATTEN = auto()
    SPLIT = auto()
    SET_ASIDE = auto()


def remedy(code: int, *, records: int, attempt: int, flattened: bool) -> Remedy:
    """`attempt` counts the tries of these records, from 1."""
    if code in _ENVIRONMENT or (code in _UNCERTAIN and attempt < _UNCERTAIN_ATTEMPTS):
        return Remedy.RETRY_LATER
    if code == NESTED_CODE and not flattened:
        return Remedy.FLATTEN
    return Remedy.SPLIT if records > 1 else Remedy.SET_ASIDE


def backoff_s(failures: int) -> float:
    """Pause after the n-th failure in a row, n from 1."""
    return min(0.5 * 2.0 ** min(failures - 1, 10), _BACKOFF_MAX_S)
