"""Which of the application's files go into a backup."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from insightengine.recovery.bundle import application_files
from insightengine.recovery.keys import new_identity, new_seal, recovery_key_text


def names(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in application_files(folder)]


def test_files_are_kept_and_caches_and_keys_are_not(tmp_path: Path) -> None:
    for name in ("compose.yaml", "migrations/0001.py", "node_modules/x.js", ".git/HEAD"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("content", encoding="utf-8")
    key = recovery_key_text(new_identity(), new_seal(), datetime.now(UTC), "shop").reveal()
    (tmp_path / "any.name").write_text(key, encoding="utf-8")
    assert names(tmp_path) == ["compose.yaml", "migrations/0001.py"]


def test_a_file_that_cannot_be_read_does_not_end_the_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("compose.yaml", "private"):
        (tmp_path / name).write_text("content", encoding="utf-8")
    readable = os.access
    monkeypatch.setattr(os, "access", lambda p, m: Path(p).name != "private" and readable(p, m))
    assert names(tmp_path) == ["compose.yaml"]
