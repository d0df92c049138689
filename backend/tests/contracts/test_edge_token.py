"""Who may switch the real nginx: only the owner of the token, and only to what there is."""

from __future__ import annotations

import stat

import httpx
import pytest

from insightengine.core.colours import Colour
from tests.contracts.edge_harness import (
    RunningEdge,
)


def test_nobody_switches_without_the_token(edge: RunningEdge) -> None:
    url = f"http://{edge.configuration.admin}/selection?unit=web&value=green"
    assert httpx.post(url).status_code == 403
    assert httpx.post(url, headers={"x-insight-admin": "0" * 64}).status_code == 403
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "blue"


def test_the_token_is_readable_only_for_its_owner(edge: RunningEdge) -> None:
    paths = edge.configuration.paths
    for path in (paths.admin_token, paths.configuration, paths.selections):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == paths.folder.stat().st_uid


@pytest.mark.parametrize("query", ["unit=web&value=red", "unit=web", "unit=x&value=blue", ""])
def test_even_with_the_token_only_known_selections_are_taken(edge: RunningEdge, query: str) -> None:
    token = edge.edge._token()
    url = f"http://{edge.configuration.admin}/selection?{query}"
    answer = httpx.post(url, headers={"x-insight-admin": token})
    assert answer.status_code in (400, 404)
    assert edge.edge.prove("web", "r1", Colour.BLUE).answers == 5
