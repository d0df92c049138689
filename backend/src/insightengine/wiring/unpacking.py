"""The state that a backup holds, put where a platform on a bare machine looks for it.

Everything can be done again: a recovery that was killed unpacks anew, and what is whole is left.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO

from insightengine.application.backup import S3Target, Target
from insightengine.core.errors import InvalidInputError
from insightengine.recovery.bundle import APPLICATION, SECRETS
from insightengine.recovery.bundle import CONFIGURATION as CONFIGURATION_FILE
from insightengine.recovery.keys import public_half
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.wiring.beside import bring_back
from insightengine.wiring.compose_files import COMPOSE_NAMES, find_compose_file
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.wiring.recovery import (
    ACCESS_KEY,
    CONFIGURATION,
    SECRET_KEY,
    folder_of,
    recovery_folder,
    write_private,
)


@contextmanager
def unpacked(bundle: IO[bytes], folder: Path) -> Iterator[Path]:
    """The bundle's files below `folder`, which is removed at the end: there are secrets in it."""
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed
    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(fileobj=bundle) as archive:
            _unpack(archive, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Folders and regular files that stay below the folder; nothing else is brought back."""
    for member in archive:
        target = folder / member.name
        if member.name.startswith("/") or ".." in Path(member.name).parts:
            raise InvalidInputError(f"the state names a file outside its folder: {member.name!r}")
        if member.isdir():
            target.mkdir(parents=True, exist_ok=True)
        elif member.isfile() and (content := archive.extractfile(member)) is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)
            target.chmod((member.mode & 0o755) | 0o600)


def place_state(
    context: PlatformContext,
    user: ServiceUser | None,
    folder: Path,
    *,
    project: Path,
    target: Target,
    recipients: Sequence[str],
) -> None:
    """Secrets, keys and configuration; the journal of releases and the cache where there are some.

    `recipients` are the keys that the backup was encrypted to: each of them opens the next one.
    """
    for secret in (folder / SECRETS).iterdir():
        write_private(context.state.secret(secret.name), secret.read_text(encoding="utf-8"), user)
    root = recovery_folder(context.state)
    for place in (root, root / "wal", context.state.root / "backups"):
        folder_of(place, user)
    if isinstance(target, S3Target):
        _keep_access_key(context, user)
    own = public_half(read_secret(context.state, "backup_key"))  # is with the secrets
    others = [f"{recipient}\n" for recipient in recipients if recipient != own]
    write_private(root / "recipients", "".join(others), user)
    found = CONFIGURATION.validate_json((folder / CONFIGURATION_FILE).read_bytes())
    here = replace(  # the repository that is at hand, whatever the lost machine called it
        found,
        project=str(project.resolve()),
        application_folder=None,
        backup=replace(found.backup, to=(target,)),
    )
    text = CONFIGURATION.dump_json(here).decode()
    write_private(root / "configuration.json", text, user)
    bring_back(context, folder)
    _hand_over(context, user)


def _keep_access_key(context: PlatformContext, user: ServiceUser | None) -> None:
    """What was given by hand opened the bucket now, and goes on to. Without it the one from the
    bundle does; so it does where the given one is worth nothing once its session has ended."""
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access and secret and not os.environ.get("AWS_SESSION_TOKEN"):
        write_private(context.state.secret(ACCESS_KEY), access, user)
        write_private(context.state.secret(SECRET_KEY), secret, user)


def _hand_over(context: PlatformContext, user: ServiceUser | None) -> None:
    """What root has brought back belongs to the services' user."""
    if user is None:
        return
    for folder in (context.state.releases, context.state.valkey):
        for path in folder.rglob("*"):
            os.chown(path, user.uid, user.gid)


def place_files(folder: Path, project: Path) -> Path | None:
    """The Compose file that counts: the project's own, or the one that came with the bundle, whose
    files go into the project then. What is there stays as it is."""
    own = find_compose_file(project)
    if own is None and (folder / APPLICATION).is_dir():
        _copy_files(folder / APPLICATION, project)
        return find_compose_file(project)
    return own


def _copy_files(source: Path, project: Path) -> None:
    """The Compose file comes last: killed before it, the next attempt goes on with the others."""
    files = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
    for file in sorted(files, key=lambda path: str(path) in COMPOSE_NAMES):
        target = project / file
        if target.exists() or target.is_symlink():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving = target.with_name(f".{target.name}.arriving")
        shutil.copy2(source / file, arriving)
        arriving.replace(target)
