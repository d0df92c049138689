"""One platform with the shop and visitors in it, shared by all scenarios that do not break it."""

from collections.abc import Iterator

import pytest

from tests.scenarios.console import Console
from tests.scenarios.platform import Platform, eventually, throwaway_platform


@pytest.fixture(scope="session")
def demo() -> Iterator[Platform]:
    with throwaway_platform() as platform:
        platform.insight("demo", "--detach")
        eventually(platform.is_whole, 60, "the platform with the shop is whole")
        yield platform


@pytest.fixture(scope="session")
def administrator(demo: Platform) -> Iterator[Console]:
    """The first administrator, who used the set-up link."""
    with Console(demo) as console:
        assert console.set_up(demo.setup_link()).status_code == 200
        yield console
