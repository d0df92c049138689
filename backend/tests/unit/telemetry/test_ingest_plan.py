from __future__ import annotations

import pytest

from insightengine.telemetry.decode import NESTED_CODE
from insightengine.telemetry.ingest_plan import Action, Remedy, backoff_s, plan, remedy
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import SegmentName

SEGMENTS = tuple(SegmentName(Signal.LOGS, "1700000000000ab", number) for number in (3, 1, 2))


class World:
    """The files of a spool, and a store that drops what it has under the same token."""

    def __init__(self) -> None:
        self.files = set(SEGMENTS)
        self.rows: list[str] = []
        self.known: set[str] = set()

    def carry_out(self, steps: int) -> int:
        """The first `steps` of a plan; then the process dies and forgets."""
        planned = plan(self.files, self.known)
        for step in planned[:steps]:
            if step.action is Action.INSERT:
                assert step.segment in self.files
                if step.segment.token not in self.rows:
                    self.rows.append(step.segment.token)
            else:
                assert step.segment.token in self.rows
                self.files.remove(step.segment)
        return len(planned)


@pytest.mark.parametrize("killed_after", range(7))
def test_killed_after_any_step_the_next_plan_stores_each_segment_once(killed_after: int) -> None:
    world = World()
    world.carry_out(killed_after)
    world.carry_out(100)
    assert world.files == set()
    assert world.rows == sorted(segment.token for segment in SEGMENTS)


def test_what_is_known_to_be_stored_is_only_removed() -> None:
    steps = plan(SEGMENTS, {SEGMENTS[0].token})
    removed = [step for step in steps if step.segment == SEGMENTS[0]]
    assert [step.action for step in removed] == [Action.REMOVE]


def test_nothing_to_do_is_no_step() -> None:
    assert plan([], {"anything"}) == ()


@pytest.mark.parametrize(
    ("code", "records", "attempt", "flattened", "expected"),
    [
        (243, 10, 99, False, Remedy.RETRY_LATER),  # no space left
        (241, 10, 1, False, Remedy.RETRY_LATER),  # memory, which may only be short now
        (241, 10, 3, False, Remedy.SPLIT),
        (241, 1, 3, False, Remedy.SET_ASIDE),
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


def test_pauses_grow_to_a_limit() -> None:
    pauses = [backoff_s(failures) for failures in range(1, 40)]
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.5
    assert pauses[-1] == 30
