"""Where a recovery may end, and which backups lie in the past of a timeline."""

from __future__ import annotations

import pytest

from insightengine.core.errors import ConflictError
from insightengine.core.lsn import Lsn, Segment
from insightengine.recovery.lineage import Known, Lineage, refuse_gap

HISTORY = b"1\t0/5000000\tno recovery target specified\n\n2\t0/7000000\tbefore 2026\n"
END = Lsn(0x7000100)  # in segment 7


def test_a_timeline_leads_to_what_was_written_before_it_was_left() -> None:
    lineage = Lineage.parse(3, HISTORY)
    assert lineage.leads_to(1, Lsn(0x5000000))
    assert not lineage.leads_to(1, Lsn(0x5000001))
    assert lineage.leads_to(3, Lsn(0x9000000))
    assert not lineage.leads_to(4, Lsn(0))
    assert lineage.end_of_parent == (2, Lsn(0x7000000))


def test_the_first_timeline_has_no_parent() -> None:
    assert Lineage.parse(1, b"").end_of_parent is None


@pytest.mark.parametrize(
    "known",
    [
        Known(None),
        Known(None, timeline=1),
        Known(Segment(1, 7)),
        Known(Segment(1, 8)),  # the rest of a record that was torn at the segment's end
        Known(Segment(1, 7), [(1, END), (1, Lsn(END.value + 8000))]),  # flushed within a record
    ],
)
def test_log_that_ends_where_the_recovery_did_is_no_gap(known: Known) -> None:
    refuse_gap(1, END, known)


@pytest.mark.parametrize(
    ("end", "known"),
    [
        (END, Known(Segment(1, 9))),
        (Segment(1, 7).start, Known(Segment(1, 8))),  # segment 7 is missing as a whole
        (END, Known(Segment(2, 7))),
        (END, Known(None, [(1, Lsn(END.value + 100_000))])),
        (END, Known(None, [(2, END)])),
        (END, Known(Segment(1, 7), [(1, END)], timeline=2)),
    ],
)
def test_log_behind_the_end_of_a_recovery_is_a_gap(end: Lsn, known: Known) -> None:
    with pytest.raises(ConflictError, match=f"recovery ends at {end}") as raised:
        refuse_gap(1, end, known)
    assert raised.value.code == "wal_gap"
