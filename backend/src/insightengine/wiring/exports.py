"""What was taken out of a backup goes to where a person wants it."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.house import Configuration
from insightengine.recovery.repository import ClusterNote, Repository, note_cluster
from insightengine.stores.objects.folder import FolderObjects


def new_repository(
    folder: Path, configuration: Configuration, cluster: str, envelope: Envelope
) -> Repository:
    """In a folder, for `insight recover --from`."""
    store, host, now = FolderObjects(folder), os.uname().nodename, datetime.now(UTC)
    recipients = envelope.recipients
    note_cluster(store, ClusterNote(cluster, configuration.application, host, recipients, now))
    return Repository(store, cluster, envelope)


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
