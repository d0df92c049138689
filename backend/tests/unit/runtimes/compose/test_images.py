"""Images that cannot be had; `docker` is a command that does what a registry in trouble does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from insightengine.core.errors import UnavailableError
from insightengine.runtimes.compose import images
from insightengine.runtimes.compose.images import Images
from insightengine.runtimes.compose.runner import Runner
from tests.unit.runtimes.compose.applications import NAMES, unit


def test_a_registry_that_does_not_answer_is_told_like_one_that_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = tmp_path / "docker"
    docker.write_text('#!/bin/sh\n[ "$1" = pull ] && exec sleep 60\nexit 1\n', encoding="utf-8")
    docker.chmod(0o755)
    monkeypatch.setattr(images, "_PULL_LIMIT_S", 0.3)
    runner = Runner({"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    with pytest.raises(UnavailableError, match=r"cannot be pulled: .* did not end within 0\.3 s"):
        Images(NAMES, runner, tmp_path).obtain(unit().source, "report", lambda _: None)
