"""What to do with the segments of one signal, and with one that the store refuses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
# Unknown codes and exceptions of libraries may have either cause; a lack of memory is tried for
# minutes.
_ATTEMPTS: Final = {0: 3, 1000: 3, 1001: 3, 1002: 3, 241: 20}
_ATTEMPTS_OF_VIEWS: Final = 3
_BACKOFF_MAX_S: Final = 30.0
_INTERVAL_S: Final = 2.0
_AT_ONCE_BYTES: Final = 24 * 1024**2
_MAX_SEGMENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A closed segment in the spool."""

    segment: SegmentName
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Segments that are inserted together. Their token is never another batch's: the first segment
    is in no batch after this one."""

    segments: tuple[SegmentName, ...]

    @property
    def token(self) -> str:
        """Key under which the store recognises a repeated insert."""
        return f"{self.segments[0].token}+{len(self.segments)}"


@dataclass(frozen=True, slots=True)
class Committed:
    """The batch that was written down. Once `is_stored`, all its rows are on disk."""

    batch: Batch
    is_stored: bool


class Action(Enum):
    """In the order in which a batch goes through them."""

    COMMIT = auto()
    INSERT = auto()
    MARK_STORED = auto()
    REMOVE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    action: Action
    batch: Batch


def plan(
    waiting: Iterable[Waiting], committed: Mapping[int, Committed], slots: int, max_bytes: int
) -> Mapping[int, tuple[Step, ...]]:
    """For each slot: write down what goes together, insert it, note that, remove it; oldest first.

    A batch holds at most `max_bytes`, or one segment. What a slot had committed before a kill is
    inserted as it was, and the store drops it by its token if it has it.
    """
    steps = {slot: _rest(found) for slot, found in committed.items()}
    taken = {segment for found in committed.values() for segment in found.batch.segments}
    present = [each for each in waiting if each.segment not in taken]
    present.sort(key=lambda each: each.segment.token)
    for slot in range(slots):
        if slot in committed or not present:
            continue
        batch = _oldest(present, max_bytes)
        del present[: len(batch.segments)]
        steps[slot] = tuple(Step(action, batch) for action in Action)
    return steps


def _rest(committed: Committed) -> tuple[Step, ...]:
    done = (Action.COMMIT, Action.INSERT, Action.MARK_STORED) if committed.is_stored else ()
    left = [action for action in Action if action is not Action.COMMIT and action not in done]
    return tuple(Step(action, committed.batch) for action in left)


def _oldest(present: Sequence[Waiting], max_bytes: int) -> Batch:
    chosen: list[SegmentName] = []
    room = max_bytes
    for each in present:
        if chosen and (each.size_bytes > room or len(chosen) == _MAX_SEGMENTS):
            break
        chosen.append(each.segment)
        room -= each.size_bytes
    return Batch(tuple(chosen))


class Pace(Enum):
    """Whether what waits is inserted, and whether beside other inserts."""

    WAIT = auto()
    IN_TURN = auto()
    AT_ONCE = auto()


def pace(waiting_bytes: int, since_last_s: float) -> Pace:
    """An insert costs the store the same whether it brings ten rows or ten thousand, so that what
    comes at a moderate rate is collected, and inserts of it take turns: they leave a processor to
    questions. Only much, a backlog, does not wait."""
    if waiting_bytes >= _AT_ONCE_BYTES:
        return Pace.AT_ONCE
    return Pace.IN_TURN if since_last_s >= _INTERVAL_S else Pace.WAIT


class Remedy(Enum):
    """What follows a refusal. An insert is one block: nothing of a refused one is stored, unless it
    was a view that failed. Then the table may have the rows already, and only the same token is
    safe: parts of the batch under tokens of their own would be stored twice."""

    RETRY_LATER = auto()
    WITHOUT_FAILING_VIEWS = auto()
    FLATTEN = auto()
    SPLIT = auto()
    SET_ASIDE = auto()


def remedy(
    code: int, *, records: int, attempt: int, flattened: bool, in_view: bool = False
) -> Remedy:
    """`attempt` counts the tries of these records, from 1; `in_view` is where it failed."""
    attempts = _ATTEMPTS.get(code, _ATTEMPTS_OF_VIEWS if in_view else 0)
    if code in _ENVIRONMENT or attempt < attempts:
        return Remedy.RETRY_LATER
    if in_view:
        return Remedy.WITHOUT_FAILING_VIEWS
    if code == NESTED_CODE and not flattened:
        return Remedy.FLATTEN
    return Remedy.SPLIT if records > 1 else Remedy.SET_ASIDE


def backoff_s(failures: int) -> float:
    """Pause after the n-th failure in a row, n from 1."""
    return min(0.5 * 2.0 ** min(failures - 1, 10), _BACKOFF_MAX_S)
