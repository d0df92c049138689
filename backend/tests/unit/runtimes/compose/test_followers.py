"""What containers write is copied into files; `docker` is a command that writes and never ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from insightengine.runtimes.compose.followers import Followers

DOCKER = """#!/bin/sh
echo $$ >> "{pids}"
echo 2026-01-02T03:04:05.000000000Z hello
exec sleep 60
"""


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def followers(tmp_path: Path) -> Followers:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.format(pids=tmp_path / "pids"), encoding="utf-8")
    docker.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return Followers(tmp_path / "logs", tmp_path / "followed.json", path)


def test_output_is_copied_without_its_time_stamp(followers: Followers, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    followers.follow({"c1": "web.blue"})
    until(lambda: (tmp_path / "logs/web.blue.log").is_file())
    until(lambda: (tmp_path / "logs/web.blue.log").read_text(encoding="utf-8") == "hello\n")
    followers.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_log_that_cannot_be_opened_ends_its_follower_instead_of_hanging_the_next_look(
    followers: Followers, tmp_path: Path
) -> None:
    followers.follow({"c1": "web.blue"})  # there is no folder for logs
    (thread,) = followers._threads.values()
    thread.join(10)
    (tmp_path / "logs").mkdir()
    followers.follow({"c1": "web.blue"})
    until(lambda: (tmp_path / "logs/web.blue.log").is_file())
    followers.close()
