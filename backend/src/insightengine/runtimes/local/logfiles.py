"""Keeps the logs of processes small. Their writers append, so a file can be cut under them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAX_BYTES = 32 * 1024 * 1024
KEPT = 3


def rotate_all(folder: Path, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
    """Copies each large `*.log` to `*.log.1` and cuts it; `*.log.3` is the oldest kept."""
    for path in folder.glob("*.log"):
        if path.stat().st_size > max_bytes:
            _rotate(path, kept)


def _rotate(path: Path, kept: int) -> None:
    for number in range(kept - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    copy = path.with_name(f"{path.name}.1")
    shutil.copy2(path, copy)
    owner = path.stat()
    if os.geteuid() == 0:
        os.chown(copy, owner.st_uid, owner.st_gid)
    os.truncate(path, 0)
