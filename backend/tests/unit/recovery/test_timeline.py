"""Which moments can come back, and where the write-ahead log is torn."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from insightengine.core.lsn import SEGMENT_BYTES, Lsn
from insightengine.recovery.models import Backup, Coverage
from insightengine.recovery.timeline import Position, WalSpan, gaps, wal_spans, windows
from tests.unit.recovery.backups import NOW, backup


def segment(number: int, more: int = 0) -> Lsn:
    return Lsn(number * SEGMENT_BYTES + more)


def minute(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def reached(_: int, lsn: Lsn) -> datetime:
    """One segment a minute."""
    return minute(lsn.value / SEGMENT_BYTES)


def covered(first: int, end: int, timeline: int = 1) -> Coverage:
    return Coverage(timeline, segment(first), segment(end), NOW, NOW)


def span(first: int, end: int, timeline: int = 1) -> WalSpan:
    return WalSpan(timeline, segment(first), segment(end), minute(first), minute(end))


def taken(at: int, timeline: int = 1) -> Backup:
    moment = minute(at)
    return replace(
        backup(0, timeline=timeline),
        id=f"b{at}",
        start=segment(at),
        stop=segment(at, 10),
        started_at=moment,
        ended_at=moment,
    )


def test_what_is_being_written_belongs_to_the_last_stretch() -> None:
    shipped = Position(1, segment(5, 100))
    (found,) = wal_spans([covered(2, 5)], shipped, segment(5, 200), reached, minute(60))
    assert (found.start, found.end) == (segment(2), segment(5, 100))
    assert found.until_at == reached(1, segment(5, 100))


def test_a_repository_that_has_everything_covers_the_time_until_now() -> None:
    shipped = Position(1, segment(5, 100))
    (found,) = wal_spans([covered(2, 5)], shipped, segment(5, 100), reached, minute(60))
    assert found.until_at == minute(60)


def test_a_repository_without_a_whole_segment_has_a_stretch_all_the_same() -> None:
    (found,) = wal_spans([], Position(1, segment(3, 7)), None, reached, minute(60))
    assert (found.start, found.end) == (segment(3), segment(3, 7))


def test_a_repository_that_never_got_anything_covers_nothing() -> None:
    assert wal_spans([], None, segment(9), reached, NOW) == ()
    assert wal_spans([], Position(0, Lsn(0)), segment(9), reached, NOW) == ()


def test_missing_log_between_two_stretches_is_a_gap() -> None:
    spans = wal_spans([covered(2, 4), covered(6, 8)], None, None, reached, NOW)
    assert gaps(spans) == (span(4, 6),)


def test_another_timeline_is_no_gap() -> None:
    assert gaps([span(2, 4), span(4, 8, timeline=2)]) == ()


def test_moments_from_the_end_of_a_backup_to_the_end_of_its_log_can_come_back() -> None:
    (found,) = windows([taken(3)], [span(2, 8)])
    assert (found.from_at, found.until_at, found.backup) == (minute(3), minute(8), "b3")


def test_a_gap_ends_what_can_come_back_until_the_next_backup() -> None:
    found = windows([taken(3), taken(7)], [span(2, 5), span(6, 9)])
    assert [(one.from_at, one.until_at) for one in found] == [
        (minute(3), minute(5)),
        (minute(7), minute(9)),
    ]


def test_windows_that_overlap_are_one() -> None:
    (found,) = windows([taken(3), taken(5)], [span(2, 8)])
    assert (found.from_at, found.until_at) == (minute(3), minute(8))


def test_a_backup_without_its_log_brings_nothing_back() -> None:
    assert windows([taken(3)], [span(4, 8)]) == ()


def test_what_was_written_on_a_timeline_that_was_left_cannot_come_back_by_its_time() -> None:
    found = windows([taken(3), taken(9, timeline=2)], [span(2, 8), span(6, 12, timeline=2)])
    assert [(one.from_at, one.until_at) for one in found] == [
        (minute(3), minute(6)),
        (minute(9), minute(12)),
    ]
