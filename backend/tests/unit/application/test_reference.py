"""Every key that the reader knows is in the reference."""

from __future__ import annotations

from itertools import pairwise

from insightengine.application import keys
from insightengine.application.placeholders import OF_OTHERS, OWN
from insightengine.application.reference import compose_reference


def test_every_key_and_placeholder_is_documented() -> None:
    page = compose_reference()
    tables = [
        table for name, table in vars(keys).items() if name.startswith(("INSIGHT", "RELEASE"))
    ]
    known = {*keys.SERVICE.known, *keys.TOP.known}.union(*tables)
    assert [key for key in sorted(known) if f"`{key}`" not in page] == []
    assert all(f"`{{{name}}}`" in page for name in OWN)
    assert all(f"`{{SERVICE.{name}}}`" in page for name in OF_OTHERS)


def test_tables_have_as_many_cells_in_each_row() -> None:
    tables = [line for line in compose_reference().splitlines() if line.startswith("|")]
    for line, following in pairwise(tables):
        if following.startswith("|---"):
            assert line.count("|") == following.count("|")
