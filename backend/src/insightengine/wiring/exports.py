"""What was taken out of a backup goes to where a person wants it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from insightengine.core.errors import ConflictError, InvalidInputError


def require_new(out: Path) -> None:
    """Raises ConflictError for what exists, InvalidInputError for a folder that does not."""
    if out.exists():
        raise ConflictError(f"{out} exists; nothing is overwritten", hint="name another one: --out")
    if not out.resolve().parent.is_dir():
        raise InvalidInputError(f"the folder {out.resolve().parent} does not exist")


def hand_over(made: Path, out: Path) -> Path:
    """Moves it, also onto another disk; it belongs to who asked for it."""
    require_new(out)
    shutil.move(made, out)
    for path in (out, *(out.rglob("*") if out.is_dir() else ())):
        os.chown(path, os.getuid(), os.getgid())
    return out.resolve()
