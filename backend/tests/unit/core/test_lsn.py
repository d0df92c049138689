"""Arithmetic on WAL positions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.errors import InvalidInputError
from insightengine.core.lsn import SEGMENT_BYTES, Lsn, Segment, segments_between

POSITIONS = st.integers(0, 2**63 - 1)


@given(POSITIONS)
def test_a_position_prints_as_it_is_read(value: int) -> None:
    assert Lsn.parse(str(Lsn(value))) == Lsn(value)


def test_positions_print_as_postgresql_prints_them() -> None:
    assert str(Lsn.parse("0/16B3748")) == "0/16B3748"
    assert str(Lsn.parse("a/0")) == "A/0"
    assert Lsn.parse("1/0") - Lsn.parse("0/FFFFFFFF") == 1


@pytest.mark.parametrize("text", ["", "16B3748", "0/", "/1", "0/16B37480F", "0/x", "0 /1", "-1/0"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Lsn.parse(text)


@pytest.mark.parametrize(
    ("timeline", "lsn", "name"),
    [
        (1, "0/16B3748", "000000010000000000000001"),
        (1, "0/FF000000", "0000000100000000000000FF"),
        (3, "1/0", "000000030000000100000000"),
        (0x1A, "2F/A1000000", "0000001A0000002F000000A1"),
    ],
)
def test_segments_are_named_as_postgresql_names_them(timeline: int, lsn: str, name: str) -> None:
    segment = Segment.holding(timeline, Lsn.parse(lsn))
    assert segment.name == name
    assert Segment.parse(name) == segment


@given(POSITIONS.filter(lambda value: value < 2**56), st.integers(1, 100))
def test_a_segment_holds_the_position_it_was_made_for(value: int, timeline: int) -> None:
    segment = Segment.holding(timeline, Lsn(value))
    assert segment.start <= Lsn(value) < segment.end
    assert segment.end - segment.start == SEGMENT_BYTES
    assert Segment.parse(segment.name) == segment


@pytest.mark.parametrize(
    "name", ["00000002.history", "000000010000000000000001.partial", "archive_status", ""]
)
def test_other_files_are_no_segments(name: str) -> None:
    assert Segment.parse(name) is None


def test_the_segments_of_a_range_are_those_that_hold_its_bytes() -> None:
    names = [s.number for s in segments_between(1, Lsn.parse("0/1FFFFFF"), Lsn.parse("0/4000000"))]
    assert names == [1, 2, 3]
    at_a_border = segments_between(1, Lsn.parse("0/4000000"), Lsn.parse("0/4000000"))
    assert [s.number for s in at_a_border] == [4]
