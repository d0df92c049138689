from __future__ import annotations

from pathlib import Path

from insightengine.telemetry.upkeep.arrivals import MOST_WAITED_S, Arrivals, waiting_in


class Spool:
    """What waits, and the time."""

    def __init__(self, *segments: str) -> None:
        self.segments = frozenset(segments)
        self.now_s = 1000.0
        self.arrivals = Arrivals(lambda: self.segments, now_s=lambda: self.now_s)


def test_a_job_waits_for_what_was_there_before_it_and_not_for_what_comes_later() -> None:
    spool = Spool("logs-a-1", "logs-a-2")
    spool.arrivals.see("job")
    spool.segments = frozenset({"logs-a-2", "logs-a-3"})
    assert spool.arrivals.awaited("job").segments == 1
    assert spool.arrivals.awaited("job").holds_up
    spool.segments = frozenset({"logs-a-3"})
    assert not spool.arrivals.awaited("job").holds_up


def test_a_job_of_before_a_restart_waits_for_all_that_is_there_now() -> None:
    spool = Spool("logs-a-1")
    assert spool.arrivals.awaited("older").segments == 1
    assert spool.arrivals.awaited("older").holds_up


def test_a_spool_that_is_not_emptied_does_not_hold_up_a_job_for_ever() -> None:
    spool = Spool("logs-a-1")
    spool.arrivals.see("job")
    spool.now_s += MOST_WAITED_S - 1
    assert spool.arrivals.awaited("job").holds_up
    spool.now_s += 1
    awaited = spool.arrivals.awaited("job")
    assert (awaited.segments, awaited.holds_up) == (1, False)


def test_a_job_that_is_asked_for_again_waits_anew() -> None:
    spool = Spool("logs-a-1")
    spool.arrivals.see("job")
    spool.segments = frozenset()
    assert not spool.arrivals.awaited("job").holds_up
    spool.arrivals.forget("job")
    spool.segments = frozenset({"logs-a-2"})
    assert spool.arrivals.awaited("job").holds_up


def test_open_and_closed_segments_of_what_can_be_deleted_wait(tmp_path: Path) -> None:
    assert waiting_in(tmp_path / "missing") == frozenset()
    for name in ("logs-a-1.pb", "traces-a-1.open", "metrics-a-1.pb", "logs-a-2.pb.tmp", "lock"):
        (tmp_path / name).touch()
    (tmp_path / "work").mkdir()
    assert waiting_in(tmp_path) == {"logs-a-1", "traces-a-1"}
