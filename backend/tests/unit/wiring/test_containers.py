"""How a process finds the containers that the platform knows of."""

from __future__ import annotations

import pytest

from insightengine.core.errors import NotFoundError
from insightengine.wiring.containers import container_of

STATUS = {
    "processes": [
        {"name": "edge", "labels": {"service": "edge"}},
        {"name": "web.blue", "labels": {"service": "web", "container": "shop-blue-web-blue-1"}},
    ]
}


@pytest.mark.parametrize("wanted", ["web", "web.blue"])
def test_a_container_is_found_by_its_service_or_process(wanted: str) -> None:
    assert container_of(STATUS, wanted) == "shop-blue-web-blue-1"


def test_a_process_is_no_container() -> None:
    with pytest.raises(NotFoundError):
        container_of(STATUS, "edge")
