"""What an application publishes: it moves with the platform, and is refused when it is taken."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from insightengine.application.load import load_application
from insightengine.core.errors import ConflictError
from insightengine.core.settings import Settings, StateFolder
from insightengine.wiring.application import NEVER_RELEASED, Placed
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.local import REPOSITORY, UpRequest, place_application
from insightengine.wiring.sites import refuse_taken_sites, site_addresses
from tests.ports import free_base_port

SHOP = REPOSITORY / "examples/shop/compose.yaml"
WEB = """
services:
  web:
    image: shop
    ports: ["127.0.0.1:${INSIGHT_PUBLIC_PORT}:80"]
    x-insight: {local: {command: serve}}
"""


def context(base_port: int) -> PlatformContext:
    return PlatformContext(Settings(base_port=base_port), StateFolder(Path("/nowhere")))


def placed(variables: Mapping[str, str]) -> Placed:
    found = load_application(WEB, "/srv/shop/compose.yaml", variables)
    return Placed(found, Path("/srv/shop"), NEVER_RELEASED)


@pytest.mark.parametrize("base_port", [4300, 5300])
def test_the_shop_is_published_beside_the_console(
    base_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHOP_PORT", raising=False)
    here = context(base_port)
    found = place_application(UpRequest(tmp_path, SHOP), here.settings)
    assert found is not None
    assert [one.port for one in site_addresses(here, found).values()] == [base_port + 1]


def test_a_port_that_somebody_chose_stays_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PORT", "5555")
    here = context(5300)
    found = place_application(UpRequest(tmp_path, SHOP), here.settings)
    assert found is not None
    assert [one.port for one in site_addresses(here, found).values()] == [5555]


def test_a_taken_port_is_told_with_the_service_and_its_file_before_anything_is_built() -> None:
    with socket.socket() as other:
        port = free_base_port()
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(ConflictError, match=f"port {port} is held by .*services.web") as raised:
            refuse_taken_sites(context(4300), placed({"INSIGHT_PUBLIC_PORT": str(port)}))
    assert raised.value.code == "port_in_use"
    assert "services.web.ports of /srv/shop/compose.yaml" in str(raised.value.hint)
