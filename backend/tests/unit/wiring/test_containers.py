"""How a process finds the containers that the platform knows of."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.application.load import load_application
from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.core.settings import Settings, StateFolder
from insightengine.runtimes.port import Source
from insightengine.wiring.containers import container_of, file_versions
from insightengine.wiring.environment import PlatformContext

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


FILES = """
services: {web: {image: a, secrets: [token]}}
secrets: {token: {file: ./token}, outside: {external: true}}
configs: {routes: {file: routes.json}}
"""


def test_a_changed_secret_or_config_makes_another_release(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / ".insight")
    state.secrets.mkdir(parents=True)
    state.secret("session_key").write_text("key")
    context = PlatformContext(Settings(), state)
    source = Source(load_application(FILES, str(tmp_path / "compose.yaml"), {}), tmp_path)
    with pytest.raises(InvalidInputError, match=r"secrets\.token: .* cannot be read"):
        file_versions(context, source)
    (tmp_path / "token").write_text("hunter2")
    (tmp_path / "routes.json").write_text("{}")
    before = file_versions(context, source)
    assert before.keys() == {"secrets.token", "configs.routes"}
    assert "hunter2" not in str(before)
    (tmp_path / "token").write_text("hunter3")
    after = file_versions(context, source)
    assert {name for name in before if before[name] != after[name]} == {"secrets.token"}
