"""A lost platform from its repository and a recovery key alone, into an empty state folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from insightengine.application.backup import FolderTarget, S3Target, Target
from insightengine.application.backup_reading import is_bucket
from insightengine.core.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from insightengine.core.secrets import Secret
from insightengine.recovery import names
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.house import Configuration, House, rebuild
from insightengine.recovery.journal import OperationKind, OperationState
from insightengine.recovery.keys import Keyring
from insightengine.recovery.models import Backup
from insightengine.recovery.plan import TargetKind
from insightengine.recovery.repository import ClusterNote, Repository, clusters_in
from insightengine.runtimes.local.identity import prepare_state, service_user
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.stores.objects.port import ObjectStore
from insightengine.wiring.application import base_environment
from insightengine.wiring.beside import bring_back
from insightengine.wiring.compose_files import find_compose_file
from insightengine.wiring.environment import PlatformContext, as_environment, load_project
from insightengine.wiring.first_release import release_now
from insightengine.wiring.local import UpRequest, bring_up, follow_start
from insightengine.wiring.recovery import (
    ACCESS_KEY,
    CONFIGURATION,
    SECRET_KEY,
    house_of,
    now,
    recovery_folder,
    store_of,
    write_private,
)
from insightengine.wiring.recovery_verbs import read_key

Stages = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class RecoverRequest:
    """`place` stands for `source` where the target is known, `credentials` for what the
    environment holds. `rework` may change the Compose file before anything is started from it."""

    source: str
    key: Path
    project: Path
    endpoint: str | None = None
    region: str | None = None
    to: str = "latest"
    cluster: str | None = None
    base_port: int | None = None
    start: bool = True
    telemetry: bool = False
    place: Target | None = None
    credentials: tuple[str, Secret] | None = None
    rework: Callable[[Path], None] | None = None

    @property
    def target(self) -> Target:
        if self.place is not None:
            return self.place
        url = urlsplit(self.source)
        if url.scheme == "s3" and is_bucket(url.netloc):
            return S3Target(url.netloc, url.path.strip("/"), self.endpoint, self.region)
        if url.scheme:
            raise InvalidInputError(
                f"found the repository {self.source[:100]!r}, allowed are s3://BUCKET/PREFIX "
                "and the path of a folder",
                hint="insight recover --from s3://BUCKET/PREFIX --endpoint URL --key FILE",
            )
        return FolderTarget(str(Path(self.source).resolve()))


@dataclass(frozen=True, slots=True)
class Found:
    """What a repository holds, as the key opens it."""

    application: str
    host: str
    cluster: str
    backup: str


def look(request: RecoverRequest) -> Found:
    """Opens the repository with the key. Raises NotFoundError, AccessDeniedError (`wrong_key`),
    or ConflictError where something is in the way; changes nothing."""
    context = load_project(request.project)
    if (context.state.postgres / "PG_VERSION").exists():
        raise ConflictError(
            f"{context.state.postgres} holds a cluster; a recovery needs an empty state folder",
            hint="insight restore, for a platform that is there; or another --project",
        )
    _, note, backup = _opened(request)
    return Found(note.application, note.host, note.cluster, backup.id)


def _chosen(request: RecoverRequest, notes: list[ClusterNote]) -> ClusterNote:
    fitting = [n for n in notes if request.cluster in (None, n.cluster)]
    if not fitting:
        raise NotFoundError(f"{request.source} holds no cluster {request.cluster or ''}".rstrip())
    if len(fitting) > 1:
        known = ", ".join(f"{n.cluster} ({n.application} on {n.host})" for n in fitting)
        raise InvalidInputError(
            f"{request.source} holds {len(fitting)} clusters", hint=f"--cluster one of {known}"
        )
    return fitting[0]


def _newest(
    request: RecoverRequest, keyring: Keyring, store: ObjectStore, note: ClusterNote
) -> Backup:
    if not set(keyring.recipients) & set(note.recipients):
        raise InvalidInputError(
            f"{request.key} is the key {keyring.recipients[0]}; "
            f"the repository is encrypted to {', '.join(note.recipients)}",
            code="wrong_key",
            hint="use one of the recovery keys that were created for it",
        )
    found = Repository(store, note.cluster, Envelope(keyring)).read_all()
    if not found.backups:
        told = "; ".join(found.problems[:3]) or "there is none"
        raise NotFoundError(f"{request.source} has no backup that can be opened: {told}")
    return found.backups[-1]


def _opened(request: RecoverRequest) -> tuple[ObjectStore, ClusterNote, Backup]:
    """The key is read first: it is at hand, and the network may take its time to fail."""
    keyring = read_key(request.key)
    store = store_of(request.target, request.project, request.credentials)
    try:
        note = _chosen(request, clusters_in(store))
        return store, note, _newest(request, keyring, store, note)
    except UnavailableError as error:
        hint = "look at the network and at --endpoint, then run the same command again"
        raise UnavailableError(error.message, code=error.code, hint=hint) from None
    except AccessDeniedError as error:
        if error.code == "wrong_key" or request.credentials is not None:
            raise
        hint = "the access key is that of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise AccessDeniedError(error.message, code=error.code, hint=hint) from None


def bring_home(request: RecoverRequest, stage: Stages) -> dict[str, Any]:
    """State bundle first (secrets, configuration, application), then the cluster, then the start.

    `stage` is entered for each step of the procedure `lose-host`. Run again after a kill, it
    begins with whatever is not there yet.
    """
    began = time.monotonic()
    with stage("open"):
        store, note, backup = _opened(request)
    with stage("state"):
        context = load_project(request.project)
        user = service_user(context.settings.service_user, request.project)
        prepare_state(context.state, user)
        repository = Repository(store, note.cluster, Envelope(read_key(request.key)))
        compose = _unpack_state(request, context, repository, backup, user)
        if compose is not None and request.rework is not None:
            request.rework(compose)
    with stage("cluster"):
        result = _restored(request, context, user, note)
        if request.telemetry:
            result = {**result, **_records(request, context, user, note, result)}
    if request.start:
        _start(UpRequest(request.project, compose, request.base_port), stage)
    return {**result, "total_s": round(time.monotonic() - began, 1)}


def _restored(
    request: RecoverRequest, context: PlatformContext, user: ServiceUser | None, note: ClusterNote
) -> Mapping[str, Any]:
    house = house_of(context, note.cluster)
    rebuild(house)
    left = [o for o in house.journal.under_way() if o.kind is OperationKind.RESTORE]
    operation = (
        left[0]
        if left
        else house.journal.ask(OperationKind.RESTORE, {"to": request.to}, "recover", now())
    )
    _run_as(context, user, operation.id, note.cluster)
    done = house.journal.get(operation.id)
    house.close()
    if done.state is not OperationState.DONE:
        raise ConflictError(
            f"the cluster could not be restored: {done.error or 'it was killed'}",
            code="operation_failed",
            hint=done.hint or "run the same command again",
        )
    return done.result


def _records(
    request: RecoverRequest,
    context: PlatformContext,
    user: ServiceUser | None,
    note: ClusterNote,
    restored: Mapping[str, Any],
) -> Mapping[str, Any]:
    """Fetched before the store's first start, which takes it in. The databases are back already:
    what goes wrong here is told, and does not keep the platform down."""
    house = house_of(context, note.cluster)
    asked = {"telemetry": True, "to": _moment_of(request, house, restored)}
    operation = house.journal.ask(OperationKind.RESTORE, asked, "recover", now())
    _run_as(context, user, operation.id, note.cluster)
    done = house.journal.get(operation.id)
    house.close()
    if done.state is not OperationState.DONE:
        return {"telemetry_problem": done.error or "it was killed; insight up goes on with it"}
    return {"telemetry_rows": done.result["rows"], "telemetry_of": done.result["backup"]}


def _moment_of(request: RecoverRequest, house: House, restored: Mapping[str, Any]) -> str:
    """Not later than the backup that the databases came back from, where a moment was named."""
    if request.to in (TargetKind.LATEST, TargetKind.REACHABLE):
        return "latest"
    (backup,) = (one for one in house.backups() if one.id == restored["backup"])
    return backup.ended_at.isoformat()


def _start(request: UpRequest, stage: Stages) -> None:
    with stage("platform"):
        upcoming = bring_up(request)
        for _ in follow_start(upcoming):
            pass
    with stage("release"):
        release_now(upcoming, request, "recovered")


def _unpack_state(
    request: RecoverRequest,
    context: PlatformContext,
    repository: Repository,
    backup: Backup,
    user: ServiceUser | None,
) -> Path | None:
    """Brings secrets and configuration into the state folder; the Compose file's path, if any."""
    folder = context.state.run / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryFile(dir=context.state.run) as file:
        for chunk in backup.state_chunks:
            file.write(repository.get_chunk(names.state(backup.id, chunk.number), chunk))
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            _unpack(archive, folder)
    for secret in (folder / "secrets").iterdir():
        write_private(context.state.secret(secret.name), secret.read_text(encoding="utf-8"), user)
    root = recovery_folder(context.state)
    for place in (root, root / "wal", context.state.root / "backups"):
        place.mkdir(exist_ok=True, mode=0o700)
        if user is not None:
            os.chown(place, user.uid, user.gid)
    _keep_access_keys(context, user)
    configuration = CONFIGURATION.validate_json((folder / "configuration.json").read_bytes())
    _write_configuration(request, configuration, root, user)
    recipient = read_key(request.key).recipients[0]
    write_private(root / "recipients", f"{recipient}\n", user)
    bring_back(context, folder)
    _hand_over(context, user)
    compose = _application(request, folder)
    shutil.rmtree(folder, ignore_errors=True)
    return compose


def _hand_over(context: PlatformContext, user: ServiceUser | None) -> None:
    """What root has unpacked belongs to the services' user."""
    if user is None:
        return
    for folder in (context.state.releases, context.state.valkey):
        for path in folder.rglob("*"):
            os.chown(path, user.uid, user.gid)


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
            target.write_bytes(content.read())
            target.chmod(member.mode & 0o755 | 0o600)


def _keep_access_keys(context: PlatformContext, user: ServiceUser | None) -> None:
    """What opened the bucket now goes on to open it for the recovered platform."""
    access, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access and secret:  # given by hand; those of the state bundle are in place already
        write_private(context.state.secret(ACCESS_KEY), access, user)
        write_private(context.state.secret(SECRET_KEY), secret, user)


def _write_configuration(
    request: RecoverRequest, found: Configuration, root: Path, user: ServiceUser | None
) -> None:
    """The repository that is at hand, whatever the lost machine called it."""
    here = replace(
        found,
        project=str(request.project.resolve()),
        application_folder=None,
        backup=replace(found.backup, to=(request.target,)),
    )
    write_private(root / "configuration.json", CONFIGURATION.dump_json(here).decode(), user)


def _application(request: RecoverRequest, folder: Path) -> Path | None:
    """The application's files go into the project where it has no Compose file of its own."""
    own = find_compose_file(request.project)
    kept = folder / "application"
    if own is not None or not kept.is_dir():
        return own
    shutil.copytree(kept, request.project, dirs_exist_ok=True)
    return find_compose_file(request.project)


def _run_as(
    context: PlatformContext, user: ServiceUser | None, operation: str, cluster: str
) -> None:
    """The restore itself runs as the services' user, whom the cluster will belong to."""
    subprocess.run(
        [sys.executable, "-m", "insightengine.worker.operation", operation, cluster],
        env={
            **base_environment(context),
            **as_environment(context),
            **{n: v for n, v in os.environ.items() if n.startswith("AWS_")},
        },
        cwd=context.state.root,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        check=False,
    )
