"""Files that nginx reads: whole or absent, and owned by whoever owns the folder they are in.

The platform may be started by root while nginx runs as an ordinary user; what root writes here
must stay readable, and replaceable, for that user.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Owner:
    user: int
    group: int

    @property
    def is_another(self) -> bool:
        """Root works here for somebody else."""
        return os.geteuid() == 0 and self.user != 0


def owner_of(folder: Path) -> Owner:
    found = folder.stat()
    return Owner(found.st_uid, found.st_gid)


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace `path` by a file that is durable before its name is. Never seen half-written."""
    owner = owner_of(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if owner.is_another:
            os.fchown(descriptor, owner.user, owner.group)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    _sync_folder(path.parent)


def link_atomically(path: Path, target: Path) -> None:
    """Let `path` be a link to `target`; never absent in between. Idempotent."""
    if path.is_symlink() and path.readlink() == target:
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)  # of a process of the same number that was killed
    temporary.symlink_to(target)
    temporary.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_or_empty(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
