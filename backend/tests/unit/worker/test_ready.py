"""A process that stands ready before an operation is asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from insightengine.core.places import EXPECTED
from insightengine.worker.ready import Starter

_CHILD = """
import os, sys
given = sys.argv[1]
if given == "-":
    open(f"ready.{os.getpid()}", "w").close()
    given = sys.stdin.readline().strip()
if given:
    open(f"done.{given}.{os.getpid()}", "w").close()
"""


@pytest.fixture
def starter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    monkeypatch.chdir(tmp_path)
    made = Starter(tmp_path, (sys.executable, "-I", "-S", "-c", _CHILD))
    yield made
    made.close()


def appeared(folder: Path, pattern: str, limit_s: float = 20) -> str:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        for found in folder.glob(pattern):
            return found.name
        time.sleep(0.01)
    raise AssertionError(f"no {pattern} within {limit_s} s")


def test_what_is_expected_is_carried_out_by_the_process_that_stands_ready(
    starter: Starter, tmp_path: Path
) -> None:
    (tmp_path / EXPECTED).touch()
    starter.look()
    pid = appeared(tmp_path, "ready.*").removeprefix("ready.")
    assert not (tmp_path / EXPECTED).exists()
    assert starter("one").wait() == 0
    assert appeared(tmp_path, "done.*") == f"done.one.{pid}"


def test_what_nobody_expected_gets_a_process_of_its_own(starter: Starter, tmp_path: Path) -> None:
    starter.look()
    assert starter("one").wait() == 0
    assert starter("two").wait() == 0
    names = {found.name.split(".")[1] for found in tmp_path.glob("done.*")}
    assert names == {"one", "two"}
    assert not list(tmp_path.glob("ready.*"))


def test_one_that_died_while_it_waited_is_made_up_for(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / EXPECTED).touch()
    starter.look()
    appeared(tmp_path, "ready.*")
    waiting = starter._ready
    assert waiting is not None
    waiting.kill()
    waiting.wait()
    assert starter("one").wait() == 0
    appeared(tmp_path, "done.one.*")


def test_one_that_nobody_needed_ends(
    starter: Starter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / EXPECTED).touch()
    starter.look()
    waiting = starter._ready
    assert waiting is not None
    starter.look()
    assert waiting.poll() is None
    monkeypatch.setattr("insightengine.worker.ready._LIMIT_S", 0.0)
    starter.look()
    assert waiting.poll() is not None
    assert not list(tmp_path.glob("done.*"))


def test_it_ends_with_whoever_wanted_it_ready(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / EXPECTED).touch()
    starter.look()
    appeared(tmp_path, "ready.*")
    waiting = starter._ready
    assert waiting is not None
    assert waiting.stdin is not None
    waiting.stdin.close()  # as the kernel does when that process is killed
    assert waiting.wait(timeout=20) == 0
    assert not list(tmp_path.glob("done.*"))
