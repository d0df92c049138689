"""Named moments come into every repository, each in its own time."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.core.lsn import Lsn
from insightengine.recovery.models import NamedPoint
from insightengine.recovery.points import mark_point, spread_points
from tests.unit.recovery.backups import NOW
from tests.unit.recovery.houses import house


def point(name: str) -> NamedPoint:
    return NamedPoint(name, 1, Lsn(4711), NOW)


def test_a_repository_gets_what_it_lacks_once(tmp_path: Path) -> None:
    of = house(tmp_path)
    first, second = of.repositories
    of.catalogue.add_point(point("before-import"))
    assert spread_points(of, first) == 1
    of.catalogue.add_point(point("before-release-7f3a-9"))
    assert [spread_points(of, one) for one in (first, second, first)] == [1, 2, 0]
    assert {one.name for one in second.read_all().points} == {
        "before-import",
        "before-release-7f3a-9",
    }


def test_a_name_that_is_taken_stays_where_it_is(tmp_path: Path) -> None:
    of = house(tmp_path)
    of.catalogue.add_point(point("before-import"))
    with pytest.raises(ConflictError, match="before-import exists"):
        mark_point(of, "before-import")


@pytest.mark.parametrize("name", ["", "two words", "../up", "x" * 64])
def test_what_cannot_be_a_name_is_refused_before_anything_is_asked(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidInputError, match="allowed are 1 to 63"):
        mark_point(house(tmp_path), name)
