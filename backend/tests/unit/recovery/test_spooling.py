"""What of the received WAL may go."""

from __future__ import annotations

from insightengine.core.lsn import SEGMENT_BYTES, Segment
from insightengine.recovery.spooling import Spooled, Tidying, tidying

ROOM = 3 * SEGMENT_BYTES


def spooled(*stored_in: int) -> list[Spooled]:
    return [
        Spooled(Segment(1, number), "a", SEGMENT_BYTES, count)
        for number, count in enumerate(stored_in)
    ]


def numbers(found: tuple[Spooled, ...]) -> list[int]:
    return [one.segment.number for one in found]


def test_what_every_repository_has_goes_and_the_newest_stays() -> None:
    found = tidying(spooled(2, 2, 2), 2, ROOM)
    assert numbers(found.remove) == [0, 1]


def test_below_the_limit_what_one_lacks_waits_for_it() -> None:
    assert tidying(spooled(1, 0, 0), 2, ROOM) == Tidying(())


def test_above_the_limit_the_oldest_that_another_has_goes_first() -> None:
    found = tidying(spooled(0, 1, 1, 0), 2, ROOM)
    assert numbers(found.remove) == [1]
    assert found.gaps == ()


def test_what_no_repository_has_goes_last_and_is_a_gap() -> None:
    found = tidying(spooled(0, 0, 1, 0, 0), 2, ROOM)
    assert numbers(found.remove) == [2, 0]
    assert numbers(found.gaps) == [0]


def test_the_newest_of_each_folder_stays_whatever_the_limit() -> None:
    found = tidying([*spooled(0, 0), Spooled(Segment(2, 0), "b", SEGMENT_BYTES, 0)], 1, 1)
    assert numbers(found.remove) == [0]
