"""Which files of a folder are migrations."""

from __future__ import annotations

import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.release.migrations.folder import scripts_of
from insightengine.release.migrations.label import Script


def test_migrations_are_in_the_order_of_their_names_each_with_its_way_back() -> None:
    files = {
        "0002_b.up.sql": "B",
        "0001_a.down.sql": "-A",
        "0001_a.up.sql": "A",
        "README.md": "no migration",
    }
    assert scripts_of(files, "web") == (Script("0001_a", "A", "-A"), Script("0002_b", "B", None))


@pytest.mark.parametrize("name", ["0001.sql", "0001.down.sql"])
def test_a_file_that_would_be_passed_over_is_told(name: str) -> None:
    with pytest.raises(InvalidInputError, match="is no migration"):
        scripts_of({name: ""}, "web")
