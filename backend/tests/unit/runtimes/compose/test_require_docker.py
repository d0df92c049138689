"""Which versions of Docker Compose will do; `docker` is a command that tells one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from insightengine.core.errors import UnavailableError
from insightengine.runtimes.compose.runner import Runner
from insightengine.runtimes.compose.runtime import require_docker


def docker(folder: Path, compose: str) -> Runner:
    path = folder / "docker"
    script = f'#!/bin/sh\n[ "$1" = compose ] && echo "{compose}" || echo \'"28.0.1"\'\n'
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return Runner({"PATH": f"{folder}:{os.environ['PATH']}"})


@pytest.mark.parametrize("version", ["2.26.1", "v2.40.0-desktop", "4.1.0", "5.0.0", "10.0"])
def test_compose_of_version_2_or_newer_will_do(tmp_path: Path, version: str) -> None:
    assert require_docker(docker(tmp_path, version)) == "28.0.1"


@pytest.mark.parametrize("version", ["1.29.2", "unknown", ""])
def test_an_older_or_unknown_one_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(UnavailableError, match="of version 2 or newer"):
        require_docker(docker(tmp_path, version))
