"""When a primary is given up, and what a replica gets before it takes over."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.lsn import SEGMENT_BYTES, Lsn, Segment
from insightengine.recovery.failover import complete, has_diverged, is_away

NOW, NEXT, BEFORE = Segment(2, 7), Segment(2, 8), Segment(2, 6)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    replica, spool = tmp_path / "replica", tmp_path / "spool"
    (replica / "pg_wal").mkdir(parents=True)
    (spool / "1-00000002").mkdir(parents=True)
    return replica, spool


def received(spool: Path, name: str, content: bytes) -> None:
    (spool / "1-00000002" / name).write_bytes(content.ljust(SEGMENT_BYTES, b"\0"))


def test_a_primary_without_its_data_directory_is_not_waited_for() -> None:
    assert not is_away(3.0, is_gone=False)
    assert is_away(6.0, is_gone=False)
    assert is_away(1.5, is_gone=True)
    assert not is_away(0.5, is_gone=True)


def test_what_the_replica_has_less_is_added_and_what_it_has_more_stays(
    places: tuple[Path, Path],
) -> None:
    replica, spool = places
    has_more = replica / "pg_wal" / NOW.name
    has_more.write_bytes(b"receivedAND MORE".ljust(SEGMENT_BYTES, b"x"))
    received(spool, NOW.name, b"received")
    received(spool, f"{NEXT.name}.partial", b"the last")
    assert complete(replica, spool, NOW) == len(b"the last")
    assert has_more.read_bytes() == b"receivedAND MORE".ljust(SEGMENT_BYTES, b"x")
    added = replica / "pg_wal" / NEXT.name
    assert added.read_bytes() == b"the last".ljust(SEGMENT_BYTES, b"\0")


def test_old_records_of_a_recycled_segment_do_not_stay_behind_the_last_that_was_received(
    places: tuple[Path, Path],
) -> None:
    """A commit's record ends with the zeros of its time."""
    replica, spool = places
    recycled = replica / "pg_wal" / NEXT.name
    recycled.write_bytes(b"commit of an old".ljust(SEGMENT_BYTES, b"o"))
    received(spool, f"{NEXT.name}.partial", b"commit of a new\0\0\0")
    assert complete(replica, spool, NOW) == len(b"commit of a new")
    assert recycled.read_bytes() == b"commit of a new".ljust(SEGMENT_BYTES, b"\0")


def test_what_it_does_not_read_any_more_and_older_timelines_are_left_out(
    places: tuple[Path, Path],
) -> None:
    replica, spool = places
    received(spool, BEFORE.name, b"before")
    received(spool, Segment(1, 99).name, b"of a timeline that was left")
    (spool / "1-00000002" / "00000002.history").write_bytes(b"1\t0/5000000\tpromoted\n")
    assert complete(replica, spool, NOW) == 0
    assert [path.name for path in (replica / "pg_wal").iterdir()] == ["00000002.history"]


HISTORY = b"1\t0/7001870\tno recovery target specified\n2\t0/90000A0\tbefore LSN\n"


@pytest.mark.parametrize(
    ("timeline", "lsn", "expected"),
    [
        (3, "0/A000000", False),  # follows it
        (2, "0/9000000", False),  # behind, on its way
        (2, "0/9000100", True),  # went on where the primary was taken back
        (4, "0/9000000", False),  # promoted, and nobody has seen it yet
    ],
)
def test_a_replica_of_what_was_left_behind_has_diverged(
    timeline: int, lsn: str, expected: bool
) -> None:
    assert has_diverged((timeline, Lsn.parse(lsn)), 3, HISTORY) is expected


def test_of_a_history_that_is_not_known_nothing_is_told() -> None:
    assert not has_diverged((2, Lsn.parse("0/9000100")), 3, None)
    assert not has_diverged((1, Lsn.parse("0/9000100")), 1, None)
