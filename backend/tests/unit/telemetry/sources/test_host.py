from __future__ import annotations

import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import psutil

from insightengine.telemetry.sources.host import DiskMeter, own_descendants

# warden 1 → supervisor 2 → web 3 → workers 4, 5; supervisor 2 → edge 6
PARENT_OF = {2: 1, 3: 2, 4: 3, 5: 3, 6: 2}


def test_a_process_is_measured_with_its_children() -> None:
    assert sorted(own_descendants(3, PARENT_OF, listed={3})) == [4, 5]


def test_what_is_measured_on_its_own_is_not_counted_for_its_parent_again() -> None:
    listed = {1, 2, 3, 6}
    assert own_descendants(1, PARENT_OF, listed) == []
    assert own_descendants(2, PARENT_OF, listed) == []
    assert sorted(own_descendants(3, PARENT_OF, listed)) == [4, 5]


def test_a_process_without_children_stands_alone() -> None:
    assert own_descendants(6, PARENT_OF, listed={1, 6}) == []


@dataclass(frozen=True)
class Moving:
    """Stands for a process whose counters are set; psutil's are of this machine's disks."""

    name: str
    moved: dict[str, int]

    def __hash__(self) -> int:
        return hash(self.name)

    def io_counters(self) -> Any:
        if not self.moved:
            raise psutil.AccessDenied
        return SimpleNamespace(read_bytes=self.moved["read"], write_bytes=self.moved["written"])


def test_what_a_tree_moves_is_the_growth_of_each_of_its_processes() -> None:
    meter, parent, child = DiskMeter(), Moving("p", {"read": 100, "written": 0}), Moving("c", {})
    child.moved.update(read=1000, written=50)
    assert meter.rates([parent, child], 10.0) == {}  # type: ignore[list-item]
    parent.moved.update(read=300)
    child.moved.update(written=150)
    assert meter.rates([parent, child], 12.0) == {"read": 100.0, "write": 50.0}  # type: ignore[list-item]
    parent.moved.update(read=310)
    assert meter.rates([parent], 13.0) == {"read": 10.0, "write": 0.0}  # type: ignore[list-item]


def test_a_process_that_may_not_be_looked_at_has_no_rate_rather_than_none_moved() -> None:
    meter, foreign = DiskMeter(), Moving("root's", {})
    assert meter.rates([foreign], 1.0) == {}  # type: ignore[list-item]
    assert meter.rates([foreign], 2.0) == {}  # type: ignore[list-item]


def test_an_own_process_may_be_looked_at() -> None:
    meter, this = DiskMeter(), psutil.Process(os.getpid())
    meter.rates([this], 1.0)
    assert meter.rates([this], 2.0).keys() == {"read", "write"}
