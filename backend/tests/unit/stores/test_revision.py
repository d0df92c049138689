"""What of the console's migrations a start has to run."""

from __future__ import annotations

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from insightengine.stores.migrate import alembic_config
from insightengine.stores.revision import Revisions, migrations_folder, revisions_in

OURS = Revisions(frozenset({"0001", "0002"}), frozenset({"0002"}))


def test_revisions_are_read_as_alembic_reads_them() -> None:
    scripts = ScriptDirectory.from_config(alembic_config(URL.create("postgresql")))
    found = revisions_in(migrations_folder())
    assert found.heads == frozenset(scripts.get_heads())
    assert found.known == {one.revision for one in scripts.walk_revisions()}


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        (frozenset[str](), True),
        (frozenset({"0001"}), True),
        (frozenset({"0002"}), False),
        (frozenset({"0003"}), False),
    ],
    ids=["an empty database", "an older one", "the newest one", "one of a later version"],
)
def test_only_what_is_behind_is_migrated(database: frozenset[str], expected: bool) -> None:
    assert OURS.are_ahead_of(database) is expected
