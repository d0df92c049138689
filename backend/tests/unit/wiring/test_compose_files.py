"""Files that a Compose file names, whatever they turn out to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from insightengine.application.load import load_application
from insightengine.application.model import Service
from insightengine.core.errors import InvalidInputError
from insightengine.wiring.compose_files import env_file_variables, read_compose


def web(env_file: str) -> Service:
    text = f"services: {{web: {{image: a, env_file: [{env_file}]}}}}"
    return load_application(text, "compose.yaml", {}).services[0]


@pytest.mark.parametrize("path", ["/dev/zero", "pipe", "."])
def test_an_env_file_that_never_ends_is_not_waited_for(tmp_path: Path, path: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="it is no file"):
        env_file_variables(tmp_path, web(path))
    assert env_file_variables(tmp_path, web(f"{{path: {path}, required: false}}")) == {}


def test_an_env_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("A=" + "x" * 1024 * 1024)
    with pytest.raises(InvalidInputError, match="more than 1048576 bytes"):
        env_file_variables(tmp_path, web("app.env"))


def test_a_compose_file_that_never_ends_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="more than the 1048576 bytes"):
        read_compose(Path("/dev/zero"))
