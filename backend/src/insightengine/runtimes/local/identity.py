"""As whom services run, and whether that user can reach what it needs."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
from pathlib import Path

from insightengine.core.errors import InvalidInputError
from insightengine.core.settings import StateFolder
from insightengine.runtimes.local.specs import ServiceUser

ROOT_UID = 0
FIRST_START_BYTES = 256 * 1024**2  # a new cluster with its first write-ahead log, and room to work
LATER_START_BYTES = 32 * 1024**2


def service_user(wanted: str | None, project: Path) -> ServiceUser | None:
    """Whom services run as; None means: as ourselves, who are not root.

    The wanted one, else who called sudo, else the owner of the project's folder, else `nobody`.
    Raises InvalidInputError when the wanted user does not exist or is root.
    """
    if os.geteuid() != ROOT_UID:
        return None
    owner = project.stat().st_uid
    candidates = [wanted, os.environ.get("SUDO_USER"), _name_of(owner), "nobody"]
    for name in candidates:
        if name and name != "root":
            return _user(name)
    raise InvalidInputError(
        "no unprivileged user was found for the services",
        hint="set INSIGHT_SERVICE_USER to one",
    )


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name if uid != ROOT_UID else None
    except KeyError:
        return None


def _user(name: str) -> ServiceUser:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise InvalidInputError(
            f"INSIGHT_SERVICE_USER={name}: there is no such user", code="invalid_setting"
        ) from None
    return ServiceUser(name, entry.pw_uid, entry.pw_gid)


def refuse_unreachable(user: ServiceUser, project: Path) -> None:
    """Raises InvalidInputError when a folder on the way cannot be entered by the service user."""
    for target in (project.resolve(), Path(sys.executable).resolve(), Path(sys.prefix).resolve()):
        for folder in [target, *target.parents]:
            if folder.is_dir() and not _may_enter(folder, user):
                raise InvalidInputError(
                    f"services run as {user.name}, who may not enter {folder} (needed: {target})",
                    code="unreachable_folder",
                    hint=f"chmod o+x {folder}, or move the project and its Python to where "
                    f"{user.name} may go, or start the platform as an ordinary user",
                )


def _may_enter(folder: Path, user: ServiceUser) -> bool:
    entry = folder.stat()
    if entry.st_uid == user.uid:
        return bool(entry.st_mode & stat.S_IXUSR)
    if entry.st_gid == user.gid:
        return bool(entry.st_mode & stat.S_IXGRP)
    return bool(entry.st_mode & stat.S_IXOTH)


def prepare_state(state: StateFolder, user: ServiceUser | None) -> None:
    """Creates the state folder for the service user, and proves that it can be written to.

    Raises InvalidInputError for one that is read-only or full; nothing was started then.
    """
    is_first = not state.postgres.exists()
    folders = [state.root, state.run, state.logs, state.secrets, state.postgres.parent]
    folders += [state.valkey, state.store, state.spool, state.edge, state.collector, state.releases]
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            if user is not None and folder.stat().st_uid != user.uid:
                os.chown(folder, user.uid, user.gid)
        state.root.chmod(0o755)
        state.secrets.chmod(0o700)
        probe = state.run / ".writable"
        with probe.open("wb") as file:
            file.write(b"\0" * 1024 * 1024)
            file.flush()
            os.fsync(file.fileno())
        probe.unlink()
        free = shutil.disk_usage(state.root).free
    except OSError as error:
        raise InvalidInputError(
            f"the state folder {state.root} cannot be written to: {error.strerror}",
            code="state_folder",
            hint="free some space or mount it writable; nothing was started",
        ) from None
    needed = FIRST_START_BYTES if is_first else LATER_START_BYTES
    if free < needed:
        raise InvalidInputError(
            f"{free // 1024**2} MB are free where the state folder {state.root} is; "
            f"a {'first ' if is_first else ''}start needs {needed // 1024**2} MB",
            code="state_folder",
            hint="free some space, or start the platform in a folder on a larger disk; "
            "nothing was started",
        )
