"""What several contracts start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from insightengine.core.colours import Colour
from tests.contracts.edge_harness import RunningEdge, running_edge


@pytest.fixture
def edge() -> Iterator[RunningEdge]:
    """An edge in front of `web`, of which both colours run."""
    with running_edge() as running:
        running.start_upstream("web", Colour.GREEN)
        yield running
