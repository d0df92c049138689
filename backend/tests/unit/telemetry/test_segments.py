from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry import segments
from insightengine.telemetry.port import Signal
from insightengine.telemetry.segments import SegmentName

REQUESTS = st.lists(st.binary(max_size=300), min_size=1, max_size=8)


def requests_of(segment: bytes) -> list[bytes]:
    return [segment[r.request_start : r.end] for r in segments.scan(segment).records]


@settings(max_examples=50)
@given(REQUESTS)
def test_what_is_encoded_is_scanned(requests: list[bytes]) -> None:
    segment = b"".join(segments.encode(each, index) for index, each in enumerate(requests))
    scan = segments.scan(segment)
    assert requests_of(segment) == requests
    assert [record.entries for record in scan.records] == list(range(len(requests)))
    assert scan.damages == ()


@settings(max_examples=100)
@given(REQUESTS, st.data())
def test_one_changed_byte_costs_one_record(requests: list[bytes], data: st.DataObject) -> None:
    records = [segments.encode(each, 1) for each in requests]
    segment = bytearray(b"".join(records))
    at = data.draw(st.integers(0, len(segment) - 1))
    segment[at] ^= data.draw(st.integers(1, 255))
    scan = segments.scan(bytes(segment))
    assert len(scan.records) == len(requests) - 1
    assert sum(damage.end - damage.start for damage in scan.damages) in {len(r) for r in records}


def test_a_length_that_looks_like_the_tag_of_a_record_hides_none() -> None:
    """The last request is 13 bytes of record, as the tag is 13, and its checksum ends in 24."""
    records = [segments.encode(each, 1) for each in (b"", b"", b"7\xfe\x1aj")]
    segment = bytearray(b"".join(records))
    segment[len(records[0])] ^= 1
    assert len(segments.scan(bytes(segment)).records) == 2


@settings(max_examples=50)
@given(REQUESTS, st.data())
def test_a_cut_costs_only_the_last_record(requests: list[bytes], data: st.DataObject) -> None:
    records = [segments.encode(each, 1) for each in requests]
    segment = b"".join(records)
    cut = data.draw(st.integers(1, len(records[-1]) - 1))
    torn = segments.scan(segment[:-cut]).torn_tail(len(segment) - cut)
    assert requests_of(segment[:-cut]) == requests[:-1]
    assert torn is not None
    assert torn.start == len(segment) - len(records[-1])


def test_names_sort_by_age() -> None:
    tokens = [
        SegmentName(Signal.LOGS, "1700000000000ab", 2).token,
        SegmentName(Signal.LOGS, "1700000000000ab", 10).token,
        SegmentName(Signal.LOGS, "1700000000001aa", 1).token,
    ]
    assert tokens == sorted(tokens)
    assert [SegmentName.parse(token).token for token in tokens] == tokens


@pytest.mark.parametrize(
    "stem", ["", "logs", "logs-a-1", "audit-a-0000000001", "logs-A/-0000000001"]
)
def test_other_files_are_no_segments(stem: str) -> None:
    with pytest.raises(InvalidInputError):
        SegmentName.parse(stem)
