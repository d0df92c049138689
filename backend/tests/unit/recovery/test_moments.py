"""Times become positions, also where the clock was set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from insightengine.core.lsn import Lsn
from insightengine.recovery.moments import Moment, candidates, reached_at, set_back, thinned

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def moments(*seconds_and_lsn: tuple[float, int], timeline: int = 1) -> list[Moment]:
    return [Moment(NOON + timedelta(seconds=s), timeline, Lsn(lsn)) for s, lsn in seconds_and_lsn]


def test_a_time_lies_between_two_positions() -> None:
    (found,) = candidates(moments((0, 100), (1, 200), (2, 300)), NOON + timedelta(seconds=1.5))
    assert (found.before, found.after) == (Lsn(200), Lsn(300))


def test_a_time_outside_of_what_was_noted_has_no_position() -> None:
    noted = moments((0, 100), (1, 200))
    assert candidates(noted, NOON - timedelta(seconds=1)) == ()
    assert candidates(noted, NOON + timedelta(seconds=1)) == ()


def test_a_clock_that_was_set_back_gives_a_time_two_positions() -> None:
    noted = moments((0, 100), (10, 200), (5, 300), (15, 400))
    found = candidates(noted, NOON + timedelta(seconds=7))
    assert [(one.before, one.after) for one in found] == [
        (Lsn(100), Lsn(200)),
        (Lsn(300), Lsn(400)),
    ]
    assert set_back(noted)


def test_a_clock_that_is_corrected_a_little_was_not_set_back() -> None:
    assert not set_back(moments((0, 100), (1, 200), (0.5, 300)))


def test_two_timelines_are_not_mixed() -> None:
    noted = [*moments((0, 100)), *moments((10, 50), timeline=2)]
    assert candidates(noted, NOON + timedelta(seconds=5)) == ()


def test_a_position_was_reached_at_the_moment_before_it() -> None:
    noted = moments((0, 100), (1, 200), (2, 300))
    assert reached_at(noted, 1, Lsn(250)) == NOON + timedelta(seconds=1)
    assert reached_at(noted, 1, Lsn(99)) is None
    assert reached_at(noted, 2, Lsn(250)) is None


def test_thinning_keeps_one_of_each_stretch_and_every_jump() -> None:
    noted = moments((0, 1), (1, 2), (30, 3), (61, 4), (5, 5), (6, 6))
    kept = thinned(noted, timedelta(seconds=60))
    assert [moment.lsn for moment in kept] == [Lsn(1), Lsn(4), Lsn(5)]
