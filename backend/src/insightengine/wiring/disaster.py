"""A lost platform from its repository and a recovery key alone, into an empty state folder.

Secrets, configuration and the application's files come first, then the databases, by choice the
telemetry, then the start and a release. Each is journalled or can be done again, and a mark stands
in the state folder until the end: with it the same command goes on where it was killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
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
from insightengine.core.settings import StateFolder
from insightengine.recovery import names
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.house import House, rebuild
from insightengine.recovery.journal import Operation, OperationKind, OperationState
from insightengine.recovery.keys import Keyring
from insightengine.recovery.models import Backup
from insightengine.recovery.plan import TargetKind
from insightengine.recovery.repository import ClusterNote, Repository, clusters_in
from insightengine.runtimes.local.identity import prepare_state, service_user
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.wiring.application import base_environment
from insightengine.wiring.compose_files import find_compose_file
from insightengine.wiring.environment import PlatformContext, as_environment, load_project
from insightengine.wiring.first_release import release_now
from insightengine.wiring.local import UpRequest, bring_up, follow_start
from insightengine.wiring.recovery import (
    folder_of,
    house_of,
    now,
    recovery_folder,
    store_of,
    write_private,
)
from insightengine.wiring.unpacking import place_files, place_state, unpacked

Stages = Callable[[str], AbstractContextManager[None]]
"""Entered for each step of the procedure `lose-host`, by its key."""

_ASKED_BY = "recover"
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class RecoverRequest:
    """`place` stands for `source` where the target is known, `credentials` for what the
    environment holds. `rework` may change the Compose file before anything is started from it.

    The key is a value and no file: it may come from a pipe, which can be read only once.
    """

    source: str
    key: Keyring
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
        """Raises InvalidInputError for what is no address of a repository."""
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


@dataclass(frozen=True, slots=True)
class _Opened:
    """`backup` is the newest one; its state is what comes back first."""

    repository: Repository
    note: ClusterNote
    backup: Backup


def look(request: RecoverRequest) -> Found:
    """Opens the repository with the key. Raises NotFoundError, InvalidInputError (`wrong_key`),
    AccessDeniedError, or ConflictError where something is in the way; changes nothing."""
    state = load_project(request.project).state
    if (state.postgres / "PG_VERSION").exists() and not _mark(state).exists():
        raise ConflictError(
            f"{state.postgres} holds a cluster; a recovery needs an empty state folder",
            hint="insight restore, for a platform that is there; or another --project",
        )
    find_compose_file(request.project)  # one that cannot be used is told before anything is done
    opened = _open(request)
    note = opened.note
    return Found(note.application, note.host, note.cluster, opened.backup.id)


def bring_home(request: RecoverRequest, stage: Stages) -> dict[str, Any]:
    """What came back, and the seconds that it took. Killed, the same call goes on with whatever is
    not there yet. Raises what `look` does, and ConflictError where the cluster cannot be restored.
    """
    began = time.monotonic()
    with stage("open"):
        opened = _open(request)
    with stage("state"):
        context = load_project(request.project)
        user = service_user(context.settings.service_user, request.project)
        compose = _bring_state(request, context, user, opened)
    with stage("cluster"), _house(context, opened.note) as house:
        recovery = _Recovery(request, context, user, house)
        result = recovery.restore_cluster()
        if request.telemetry:
            result = {**result, **recovery.bring_telemetry(result)}
    try:
        if request.start:
            _start(UpRequest(request.project, compose, request.base_port), stage)
    finally:  # what goes wrong from here on is told with its own way out
        _mark(context.state).unlink(missing_ok=True)
    return {**result, "total_s": round(time.monotonic() - began, 1)}


def _mark(state: StateFolder) -> Path:
    """Stands while a recovery is under way: the cluster that is there, if any, is its own."""
    return recovery_folder(state) / "recovering"


def _open(request: RecoverRequest) -> _Opened:
    store = store_of(request.target, request.project, request.credentials)
    try:
        note = _chosen(request, clusters_in(store))
        repository = Repository(store, note.cluster, Envelope(request.key))
        return _Opened(repository, note, _newest(request, repository, note))
    except UnavailableError as error:
        hint = "look at the network and at --endpoint, then run the same command again"
        raise UnavailableError(error.message, code=error.code, hint=hint) from None
    except AccessDeniedError as error:
        if error.code == "wrong_key" or request.credentials is not None:
            raise
        hint = "the access key is that of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        raise AccessDeniedError(error.message, code=error.code, hint=hint) from None


def _chosen(request: RecoverRequest, notes: list[ClusterNote]) -> ClusterNote:
    fitting = [n for n in notes if request.cluster in (None, n.cluster)]
    known = ", ".join(f"{n.cluster} ({n.application} on {n.host})" for n in notes)
    if not fitting:
        which = f"no cluster {request.cluster}" if request.cluster else "no cluster"
        hint = f"--cluster one of {known}" if known else "look at the address"
        raise NotFoundError(f"{request.source} holds {which}", hint=hint)
    if len(fitting) > 1:
        raise InvalidInputError(
            f"{request.source} holds {len(fitting)} clusters", hint=f"--cluster one of {known}"
        )
    return fitting[0]


def _newest(request: RecoverRequest, repository: Repository, note: ClusterNote) -> Backup:
    if not set(request.key.recipients) & set(note.recipients):
        raise InvalidInputError(
            f"what was given is the key {request.key.recipients[0]}; "
            f"the repository is encrypted to {', '.join(note.recipients)}",
            code="wrong_key",
            hint="use one of the recovery keys that were created for it",
        )
    found = repository.read_all()
    if not found.backups:
        told = "; ".join(found.problems[:3]) or "there is none"
        raise NotFoundError(f"{request.source} has no backup that can be opened: {told}")
    return found.backups[-1]


def _bring_state(
    request: RecoverRequest, context: PlatformContext, user: ServiceUser | None, opened: _Opened
) -> Path | None:
    """Secrets, configuration and the application's files; the Compose file's path, if any."""
    prepare_state(context.state, user)
    folder_of(recovery_folder(context.state), user)
    write_private(_mark(context.state), opened.note.cluster, user)
    with (
        tempfile.TemporaryFile(dir=context.state.run) as bundle,
        unpacked(_fetched(opened, bundle), context.state.run / "unpacked") as folder,
    ):
        place_state(
            context,
            user,
            folder,
            project=request.project,
            target=request.target,
            recipients=opened.backup.recipients,
        )
        compose = place_files(folder, request.project)
    if compose is not None and request.rework is not None:
        request.rework(compose)
    return compose


def _fetched(opened: _Opened, bundle: IO[bytes]) -> IO[bytes]:
    backup = opened.backup
    for chunk in backup.state_chunks:
        key = names.state(backup.id, chunk.number)
        bundle.write(opened.repository.get_chunk(key, chunk))
    bundle.seek(0)
    return bundle


@contextmanager
def _house(context: PlatformContext, note: ClusterNote) -> Iterator[House]:
    house = house_of(context, note.cluster)
    try:
        yield house
    finally:
        house.close()


@dataclass(frozen=True, slots=True)
class _Recovery:
    """Its operations run as the services' user, whom the cluster will belong to."""

    request: RecoverRequest
    context: PlatformContext
    user: ServiceUser | None
    house: House

    def restore_cluster(self) -> Mapping[str, Any]:
        asked = {"to": self.request.to}
        operation = self._earlier(asked)
        if operation is None:
            rebuild(self.house)
            operation = self._ask(asked)
        done = self._ended(operation)
        if done.state is not OperationState.DONE:
            raise ConflictError(
                f"the cluster could not be restored: {done.error or 'it was killed'}",
                code="operation_failed",
                hint=done.hint or "run the same command again",
            )
        return done.result

    def bring_telemetry(self, restored: Mapping[str, Any]) -> Mapping[str, Any]:
        """Fetched before the store's first start, which takes it in. The databases are back
        already: what goes wrong here is told, and does not keep the platform down."""
        asked = {"telemetry": True, "to": self._moment_of(restored)}
        done = self._ended(self._earlier(asked) or self._ask(asked))
        if done.state is OperationState.DONE:
            return {"telemetry_rows": done.result["rows"], "telemetry_of": done.result["backup"]}
        if not done.state.is_over:
            return {"telemetry_problem": "it was killed; insight up goes on with it"}
        later = done.hint or "insight restore --telemetry"
        return {"telemetry_problem": done.error, "telemetry_later": later}

    def _moment_of(self, restored: Mapping[str, Any]) -> str:
        """Not later than the backup that the databases came from, where a moment was named."""
        if self.request.to in (TargetKind.LATEST, TargetKind.REACHABLE):
            return "latest"
        (backup,) = (one for one in self.house.backups() if one.id == restored["backup"])
        return backup.ended_at.isoformat()

    def _earlier(self, asked: Mapping[str, Any]) -> Operation | None:
        """That of an attempt that was killed, where it asked for the same and came to something."""
        found = next((one for one in self._own() if one.request == asked), None)
        if found is None or not found.state.is_over:
            return found
        is_there = (self.context.state.postgres / "PG_VERSION").exists()
        return found if found.state is OperationState.DONE and is_there else None

    def _own(self) -> Iterator[Operation]:
        """The newest first."""
        recent = self.house.journal.recent(20, OperationKind.RESTORE)
        return (one for one in recent if one.asked_by == _ASKED_BY)

    def _ask(self, asked: Mapping[str, Any]) -> Operation:
        """In place of what an earlier attempt asked for with other words and left."""
        for left in self._own():
            if left.is_orphan or left.state is OperationState.ASKED:
                self.house.journal.end(left.id, OperationState.CANCELLED, now())
        return self.house.journal.ask(OperationKind.RESTORE, asked, _ASKED_BY, now())

    def _ended(self, operation: Operation) -> Operation:
        """Over, or without a process that carries it out: then it was killed. One may have outlived
        the command that had started it."""
        is_begun = False
        while not (found := self.house.journal.get(operation.id)).state.is_over:
            if found.state is OperationState.RUNNING and not found.is_orphan:
                time.sleep(_POLL_S)
            elif is_begun:
                break
            else:
                self._run(found.id)
                is_begun = True
        return found

    def _run(self, operation: str) -> None:
        """What came of it is in the journal; what it says goes where backups of a platform log."""
        command = (sys.executable, "-m", "insightengine.worker.operation", operation)
        user = self.user
        with (self.context.state.logs / "backups.log").open("ab") as log:
            subprocess.run(
                [*command, self.house.repositories[0].cluster],
                env={
                    **base_environment(self.context),
                    **as_environment(self.context),
                    **{n: v for n, v in os.environ.items() if n.startswith("AWS_")},
                },
                cwd=self.context.state.root,
                stdout=log,
                stderr=log,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
                check=False,
            )


def _start(request: UpRequest, stage: Stages) -> None:
    with stage("platform"):
        upcoming = bring_up(request)
        for _ in follow_start(upcoming):
            pass
    with stage("release"):
        release_now(upcoming, request, "recovered")
