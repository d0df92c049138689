"""What `insight up` refuses before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import Settings
from insightengine.wiring.environment import load_project
from insightengine.wiring.local import UpRequest, place_application

WEB = "services: {web: {image: a, env_file: app.env, x-insight: {local: {command: serve}}}}"


@pytest.mark.parametrize("port", [0, -1, 99999])
def test_a_base_port_that_is_none_is_blamed_on_the_flag(tmp_path: Path, port: int) -> None:
    (tmp_path / ".env").write_text("INSIGHT_BASE_PORT=5300\n")
    request = UpRequest(tmp_path, base_port=port)
    with pytest.raises(InvalidInputError, match=f"^--base-port: INSIGHT_BASE_PORT='{port}'"):
        load_project(tmp_path, request.overrides)


def test_an_env_file_that_is_missing_is_told_before_the_platform_starts(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(WEB)
    with pytest.raises(InvalidInputError, match=r"services\.web\.env_file: .*app\.env"):
        place_application(UpRequest(tmp_path), Settings())
    (tmp_path / "app.env").write_text("A=1\n")
    assert place_application(UpRequest(tmp_path), Settings()) is not None
