"""Files for `docker compose` and for containers. They may hold passwords."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Collection
from pathlib import Path

from insightengine.runtimes.compose.values import Json

KEPT = "files"  # folder of a unit with secrets and configs as its releases were made with them


def write_json(path: Path, content: Json) -> None:
    """Whole or not at all, for nobody else to read; Compose reads JSON as the YAML that it is."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)


def keep_file(folder: Path, version: str, original: Path, content: bytes) -> None:
    """Keeps the content under its version, with the rights of the original.

    A container reads it as its own user; nobody else here gets into the folder. Idempotent.
    """
    path = folder / version
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = original.stat()
    temporary = path.with_name(f".{version}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        with contextlib.suppress(PermissionError):  # only root may give it away
            os.fchown(descriptor, found.st_uid, found.st_gid)
        os.fchmod(descriptor, found.st_mode & 0o777)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)


def forget_files(folder: Path, kept: Collection[str]) -> None:
    """Removes every file whose version is not among those."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept:
            path.unlink(missing_ok=True)
