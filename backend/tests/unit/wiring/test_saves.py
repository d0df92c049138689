"""What counts as a save."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from insightengine.application.load import load_application
from insightengine.wiring.application import Placed
from insightengine.wiring.saves import Saves, sources_of

TEXT = """
services:
  web: {image: a, x-insight: {local: {command: "{python} web.py"}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yaml").write_text(TEXT)
    (tmp_path / "web.py").write_text("1")
    (tmp_path / ".insight").mkdir()
    return tmp_path


def files(folder: Path) -> Iterator[Path]:
    file = folder / "compose.yaml"
    return sources_of(Placed(load_application(file.read_text(), str(file), {}), folder, ""))


def changed_by(folder: Path, *writes: str) -> tuple[str, ...]:
    saves = Saves(lambda: files(folder))
    timers = [
        threading.Timer(0.05 * number, (folder / name).write_text, ("changed",))
        for number, name in enumerate(writes, start=1)
    ]
    for timer in timers:
        timer.start()
    found = saves.await_next()
    for timer in timers:
        timer.join()
    return tuple(path.name for path in found)


def test_a_changed_file_is_a_save(folder: Path) -> None:
    assert changed_by(folder, "web.py") == ("web.py",)


def test_a_new_file_and_an_overlay_are_saves(folder: Path) -> None:
    assert "new.py" in changed_by(folder, "new.py")
    assert "compose.development.yaml" in changed_by(folder, "compose.development.yaml")


def test_state_and_byte_code_are_none(folder: Path) -> None:
    assert changed_by(folder, ".insight/log", "module.pyc", "web.py") == ("web.py",)
