"""What an application is called in Docker, in its own environment and in others."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.colours import Colour
from insightengine.runtimes.compose.names import Names


@pytest.mark.parametrize(
    ("folder", "project"),
    [(".insight", "shop"), (".insight-staging", "shop-staging"), ("my-state", "shop")],
)
def test_only_another_environment_stands_in_the_names(folder: str, project: str) -> None:
    names = Names.of_state(Path("/srv/shop") / folder)
    assert names.project("shop") == project
    assert names.single_project("shop") == f"{project}-single"
    assert names.colour_project("shop", Colour.GREEN) == f"{project}-green"


def test_an_application_that_is_named_after_its_environment_keeps_its_name() -> None:
    assert Names("insight-1a2b3c4d", "staging").project("shop-staging") == "shop-staging"


def test_two_environments_of_a_folder_are_two_platforms() -> None:
    own, staging = (Names.of_state(Path("/srv") / n) for n in (".insight", ".insight-staging"))
    assert own.platform != staging.platform
    assert own.edge_network != staging.edge_network
