"""Files that a Compose file names, whatever they turn out to be."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from insightengine.application.load import load_application
from insightengine.application.model import Service
from insightengine.core.errors import InvalidInputError
from insightengine.wiring.compose_files import (
    env_file_variables,
    find_compose_file,
    find_overlay,
    read_compose,
)


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


def make_folder(path: Path) -> None:
    path.mkdir()


def make_broken_link(path: Path) -> None:
    path.symlink_to("gone.yaml")


NO_FILES = [
    pytest.param(make_folder, "a folder", id="folder"),
    pytest.param(os.mkfifo, "no file", id="pipe"),
    pytest.param(make_broken_link, "a link to nothing", id="link"),
]


@pytest.mark.parametrize(("make", "what"), NO_FILES)
def test_what_has_the_name_of_a_compose_file_and_is_none_is_told(
    tmp_path: Path, make: Callable[[Path], None], what: str
) -> None:
    assert find_compose_file(tmp_path) is None
    make(tmp_path / "compose.yaml")
    (tmp_path / "docker-compose.yml").write_text("services: {}")  # would not be taken by Docker
    with pytest.raises(InvalidInputError, match=rf"compose\.yaml is {what}; a Compose file"):
        find_compose_file(tmp_path)


def test_an_overlay_that_is_a_folder_is_told(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services: {}")
    assert find_overlay(file, "staging") is None
    (tmp_path / "compose.staging.yaml").mkdir()
    with pytest.raises(InvalidInputError, match=r"compose\.staging\.yaml is a folder"):
        find_overlay(file, "staging")
