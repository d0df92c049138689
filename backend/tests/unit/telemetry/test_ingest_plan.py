from __future__ import annotations

from itertools import zip_longest

import pytest

from insightengine.core.settings import Settings
from insightengine.telemetry.decode import NESTED_CODE
from insightengine.telemetry.ingest import BATCH_BYTES
from insightengine.telemetry.ingest_plan import (
    Action,
    Batch,
    Committed,
    Pace,
    Remedy,
    Step,
    Waiting,
    backoff_s,
    pace,
    plan,
    remedy,
)
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import SegmentName

SEGMENTS = tuple(SegmentName(Signal.LOGS, "1700000000000ab", number) for number in (3, 1, 2))
SIZE = 10


class World:
    """The files of a spool, and a store that drops what it has under the same token."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.files = set(SEGMENTS)
        self.committed: dict[int, Committed] = {}
        self.tokens: set[str] = set()
        self.rows: list[str] = []

    def observed(self) -> list[tuple[int, Step]]:
        """Steps of all slots in turn, as they may come side by side."""
        waiting = [Waiting(segment, SIZE) for segment in self.files]
        planned = plan(waiting, self.committed, self.slots, max_bytes=2 * SIZE)
        turns = zip_longest(*([(slot, step) for step in steps] for slot, steps in planned.items()))
        return [each for turn in turns for each in turn if each is not None]

    def carry_out(self, slot: int, step: Step) -> None:
        match step.action:
            case Action.COMMIT:
                self.committed[slot] = Committed(step.batch, is_stored=False)
            case Action.INSERT:
                assert set(step.batch.segments) <= self.files
                if step.batch.token not in self.tokens:
                    self.tokens.add(step.batch.token)
                    self.rows += [segment.token for segment in step.batch.segments]
            case Action.MARK_STORED:
                self.committed[slot] = Committed(step.batch, is_stored=True)
            case Action.REMOVE:
                assert {segment.token for segment in step.batch.segments} <= set(self.rows)
                self.files -= set(step.batch.segments)
                del self.committed[slot]


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("killed_after", range(9))
def test_killed_after_any_step_the_next_plans_store_each_segment_once(
    slots: int, killed_after: int
) -> None:
    world = World(slots)
    for slot, step in world.observed()[:killed_after]:
        world.carry_out(slot, step)
    world.files.add(SegmentName(Signal.LOGS, "1700000000000ab", 4))
    while steps := world.observed():
        for slot, step in steps:
            world.carry_out(slot, step)
    assert world.files == set()
    numbers = [SegmentName(Signal.LOGS, "1700000000000ab", n).token for n in range(1, 5)]
    assert sorted(world.rows) == numbers


def test_killed_while_removing_the_rest_is_only_removed() -> None:
    batch = Batch(SEGMENTS)
    committed = {1: Committed(batch, is_stored=True)}
    planned = plan([Waiting(SEGMENTS[0], SIZE)], committed, 2, 100)
    assert planned == {1: (Step(Action.REMOVE, batch),)}


def test_little_goes_in_one_batch_and_much_side_by_side() -> None:
    waiting = [Waiting(segment, SIZE) for segment in SEGMENTS]
    little = plan(waiting, {}, 2, max_bytes=10 * SIZE)
    much = plan(waiting, {}, 2, max_bytes=SIZE)
    assert [len(steps[0].batch.segments) for steps in little.values()] == [3]
    assert [steps[0].batch.segments[0].number for steps in much.values()] == [1, 2]


def test_four_full_segments_of_the_collector_go_together() -> None:
    """A segment is closed by the request that fills it, and is larger by some of that request."""
    full = Settings.model_fields["spool_segment_bytes"].default + 500_000
    names = [SegmentName(Signal.LOGS, "1700000000000ab", number) for number in range(5)]
    planned = plan([Waiting(name, full) for name in names], {}, 2, BATCH_BYTES)
    assert [len(steps[0].batch.segments) for steps in planned.values()] == [4, 1]


def test_a_segment_larger_than_a_batch_goes_alone() -> None:
    planned = plan([Waiting(segment, 99) for segment in SEGMENTS], {}, 1, max_bytes=10)
    assert {len(step.batch.segments) for step in planned[0]} == {1}


def test_nothing_to_do_is_no_step() -> None:
    assert plan([], {}, 2, 100) == {}


@pytest.mark.parametrize(
    ("waiting_bytes", "since_last_s", "expected"),
    [
        (1, 0.1, Pace.WAIT),
        (1, 2.5, Pace.IN_TURN),
        (12_000_000, 0.1, Pace.WAIT),
        (25_000_000, 0.1, Pace.WAIT),
        (25_000_000, 2.5, Pace.IN_TURN),
        (26_000_000, 0.1, Pace.AT_ONCE),
        (26_000_000, 2.5, Pace.AT_ONCE),
    ],
)
def test_a_little_waits_for_more_and_much_goes_at_once(
    waiting_bytes: int, since_last_s: float, expected: Pace
) -> None:
    assert pace(waiting_bytes, since_last_s) is expected


@pytest.mark.parametrize(
    ("code", "records", "attempt", "flattened", "expected"),
    [
        (243, 10, 99, False, Remedy.RETRY_LATER),  # no space left
        (241, 10, 1, False, Remedy.RETRY_LATER),  # memory, which may only be short now
        (241, 10, 19, False, Remedy.RETRY_LATER),
        (241, 10, 20, False, Remedy.SPLIT),
        (241, 1, 20, False, Remedy.SET_ASIDE),
        (1001, 10, 2, False, Remedy.RETRY_LATER),
        (1001, 10, 3, False, Remedy.SPLIT),
        (NESTED_CODE, 10, 1, False, Remedy.FLATTEN),
        (NESTED_CODE, 10, 1, True, Remedy.SPLIT),
        (444, 10, 1, False, Remedy.SPLIT),  # malformed protobuf
        (444, 1, 1, False, Remedy.SET_ASIDE),
    ],
)
def test_a_refusal_has_its_remedy(
    code: int, records: int, attempt: int, flattened: bool, expected: Remedy
) -> None:
    assert remedy(code, records=records, attempt=attempt, flattened=flattened) is expected


@pytest.mark.parametrize(
    ("code", "attempt", "expected"),
    [
        (243, 99, Remedy.RETRY_LATER),
        (241, 19, Remedy.RETRY_LATER),
        (241, 20, Remedy.WITHOUT_FAILING_VIEWS),
        (407, 2, Remedy.RETRY_LATER),  # an overflow
        (407, 3, Remedy.WITHOUT_FAILING_VIEWS),
    ],
)
def test_what_failed_in_a_view_is_never_split(code: int, attempt: int, expected: Remedy) -> None:
    """The table may have the rows: halves under tokens of their own would be there twice."""
    found = remedy(code, records=10, attempt=attempt, flattened=False, in_view=True)
    assert found is expected


def test_pauses_grow_to_a_limit() -> None:
    pauses = [backoff_s(failures) for failures in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.5
    assert pauses[-1] == 30
