"""The engine of tests is a real one: it runs a container, and `docker compose` reads a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docker.engine import Engine

pytestmark = pytest.mark.timeout(300)


def test_a_container_runs_from_the_base_image(docker_engine: Engine) -> None:
    program = "import sys, ssl; print(sys.version_info >= (3, 11))"
    assert docker_engine.docker("run", "--rm", docker_engine.base, "python3", "-c", program) == (
        "True"
    )


def test_compose_is_there(docker_engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("name: one\nservices: {web: {image: nothing}}\n")
    told = docker_engine.docker("compose", "-f", str(file), "config", "--format", "json")
    assert json.loads(told)["services"]["web"]["image"] == "nothing"
