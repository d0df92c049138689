"""What may be taken out of a backup, and under which names it comes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.recovery.commands import Programs
from insightengine.recovery.partial import Part, _fitting
from insightengine.stores.server import ServerAddress


def test_a_table_is_named_with_its_schema() -> None:
    assert Part.of({"database": "shop", "table": "public.orders"}).name == "shop.public.orders"
    with pytest.raises(InvalidInputError, match=r"SCHEMA\.TABLE"):
        Part.of({"database": "shop", "table": "orders"})


def test_a_new_name_fits_and_differs_from_another_moments() -> None:
    first, second = _fitting("d" * 63, "20260615_120000"), _fitting("d" * 63, "20260615_120001")
    assert len(first) == 63
    assert first != second


def test_a_name_is_no_pattern_for_the_dump() -> None:
    argv = Programs(Path("/bin")).dump(
        ServerAddress("/run", 5432, "admin"), "shop", Path("/out"), table='public.or"d*rs'
    )
    assert '--table="public"."or""d*rs"' in argv
    assert "--format=custom" in argv
