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
from insightengine.runtimes.local.identity import service_user
from insightengine.stores.objects.folder import FolderObjects
from insightengine.wiring.environment import running_context

_OF_A_NEW_DISK = "lost+found"


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


def require_empty(folder: Path) -> None:
    """Raises ConflictError for what holds something, InvalidInputError where it cannot be made."""
    if not folder.parent.is_dir():
        raise InvalidInputError(f"the folder {folder.parent} does not exist")
    if folder.exists() and not folder.is_dir():
        raise ConflictError(f"{folder} is no folder; nothing is overwritten")
    if folder.exists() and any(path.name != _OF_A_NEW_DISK for path in folder.iterdir()):
        raise ConflictError(
            f"{folder} is not empty; nothing is overwritten", hint="name a new folder, or empty it"
        )


def open_for_services(folder: Path, project: Path) -> None:
    """An empty folder in which the services' user, and nobody else, may write."""
    require_empty(folder)
    folder.mkdir(mode=0o700, exist_ok=True)
    user = service_user(running_context(project).settings.service_user, project)
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)


def hand_over(made: Path, out: Path) -> Path:
    """Moves it, also onto another disk; it belongs to who asked for it."""
    require_new(out)
    shutil.move(made, out)
    for path in (out, *(out.rglob("*") if out.is_dir() else ())):
        os.chown(path, os.getuid(), os.getgid())
    return out.resolve()
