from __future__ import annotations

from insightengine.telemetry.sources.host import own_descendants

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
