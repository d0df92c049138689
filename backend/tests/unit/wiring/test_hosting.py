"""Which releases are brought back after the platform was down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import NotFoundError
from insightengine.edge.models import Selection
from insightengine.stores.journal.port import UnitState
from insightengine.wiring.hosting import left_running

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BLUE, GREEN = Colour.BLUE, Colour.GREEN
LATER, BEFORE = NOW + timedelta(minutes=1), NOW - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (UnitState("shop"), []),
        (UnitState("shop", "r2"), [("r2", GREEN)]),
        (UnitState("shop", "r2", warm="r1", warm_until=LATER), [("r2", GREEN), ("r1", BLUE)]),
        (UnitState("shop", "r2", warm="r1", warm_until=BEFORE), [("r2", GREEN)]),
    ],
)
def test_what_served_comes_back_first_and_what_was_warm_only_within_its_window(
    state: UnitState, expected: list[tuple[str, Colour]]
) -> None:
    assert list(left_running(lambda _: Selection(GREEN), state, NOW)) == expected


def test_without_a_selection_of_the_edge_blue_serves() -> None:
    def nothing(unit: str) -> Selection:
        raise NotFoundError(unit)

    assert list(left_running(nothing, UnitState("shop", "r2"), NOW)) == [("r2", BLUE)]
