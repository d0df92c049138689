"""Builds what recovery works with, and the processes that carry it out."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from insightengine.application.backup import BackupPolicy, FolderTarget, S3Target, Target
from insightengine.application.model import SuppliedKind
from insightengine.core.errors import InsightError, UnavailableError
from insightengine.core.secrets import Secret
from insightengine.core.settings import PortOffset, StateFolder
from insightengine.recovery.catalogue import Catalogue, open_database
from insightengine.recovery.commands import Programs
from insightengine.recovery.envelope import Envelope
from insightengine.recovery.house import (
    Configuration,
    Folders,
    House,
    Loss,
    Outcome,
    RecordStore,
    ReplicaPlace,
)
from insightengine.recovery.journal import Journal
from insightengine.recovery.keys import (
    Keyring,
    checked_recipients,
    checked_seal,
    new_identity,
    new_seal,
    public_half,
)
from insightengine.recovery.repository import Brake, Repository
from insightengine.runtimes.local.control import ask
from insightengine.runtimes.local.records import alive_records
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.runtimes.local.supplied import cluster as cluster_folder
from insightengine.runtimes.local.supplied import postgres
from insightengine.stores.objects.folder import FolderObjects
from insightengine.stores.objects.port import ObjectStore
from insightengine.stores.server import ServerAddress
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.wiring.exports import new_repository

if TYPE_CHECKING:
    from insightengine.wiring.application import Placed

_HOST = "127.0.0.1"
_STOP_LIMIT_S = 60.0
KEY_SECRETS: Mapping[str, Any] = {"backup_key": new_identity, "backup_seal": new_seal}
ACCESS_KEY = "backup_access_key_id"
SECRET_KEY = "backup_secret_access_key"  # noqa: S105 -- a name
CONFIGURATION: TypeAdapter[Configuration] = TypeAdapter(Configuration)


def recovery_folder(state: StateFolder) -> Path:
    return state.root / "recovery"


def folders_of(state: StateFolder, configuration: Configuration) -> Folders:
    root = recovery_folder(state)
    chosen = configuration.backup.wal.folder
    spool = Path(configuration.project, chosen) if chosen else root / "wal"
    return Folders(root, state.postgres, state.secrets, spool)


def prepare_recovery(
    context: PlatformContext, placed: Placed | None, project: Path, user: ServiceUser | None
) -> None:
    """Keys and configuration for the processes of recovery; what is there stays. Idempotent."""
    root = recovery_folder(context.state)
    for folder in (root, root / "wal", context.state.root / "backups"):
        folder_of(folder, user)
    for name, make in KEY_SECRETS.items():
        if not context.state.secret(name).exists():
            write_private(context.state.secret(name), make().reveal(), user)
    configuration = _configuration(context, placed, project)
    text = CONFIGURATION.dump_json(configuration, indent=1).decode()
    write_private(root / "configuration.json", text, user)
    password = read_secret(context.state, "postgres_backup_password").reveal()
    port = context.settings.port(PortOffset.POSTGRES)
    line = f"{context.settings.postgres_host}:{port}:*:{postgres.BACKUP}:{password}\n"
    write_private(root / "pgpass", line, user)
    password = read_secret(context.state, "postgres_admin_password").reveal()
    line = f"{context.settings.postgres_host}:*:*:{postgres.ADMIN}:{password}\n"
    write_private(admin_pass_file(context), line, user)


def _configuration(context: PlatformContext, placed: Placed | None, project: Path) -> Configuration:
    from insightengine.wiring.application import database_owners  # only `insight up` needs it

    if placed is None:
        return Configuration(application="platform", project=str(project.resolve()))
    owners = database_owners(context, placed) if placed.supplied(SuppliedKind.POSTGRES) else ()
    return Configuration(
        application=placed.application.name,
        project=str(project.resolve()),
        application_folder=str(placed.folder),
        application_database=owners[0].database if owners else None,
        backup=_resolved(placed, owners),
        objectives=placed.application.objectives,
    )


def _resolved(placed: Placed, owners: Sequence[postgres.DatabaseOwner]) -> BackupPolicy:
    """Witnesses may name the service in place of its database."""
    services = [service.name for service in placed.supplied(SuppliedKind.POSTGRES)]
    databases = dict(zip(services, (owner.database for owner in owners), strict=False))
    policy = placed.application.backup
    tables = []
    for table in policy.verify.tables:
        first, _, rest = table.partition(".")
        tables.append(f"{databases.get(first, first)}.{rest}")
    return replace(policy, verify=replace(policy.verify, tables=tuple(tables)))


def configuration_of(state: StateFolder) -> Configuration:
    """Raises UnavailableError when `insight up` has never written it."""
    path = recovery_folder(state) / "configuration.json"
    try:
        return CONFIGURATION.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UnavailableError(
            f"no platform was brought up in {state.root} yet", hint="insight up"
        ) from None
    except (OSError, ValidationError) as error:
        raise UnavailableError(
            f"{path} cannot be read: {str(error)[:200]}", hint="insight up writes it"
        ) from None


def keyring_of(state: StateFolder) -> Keyring:
    """The machine's key opens, and so does every recovery key that was created for it."""
    identity = read_secret(state, "backup_key")
    seal = checked_seal(read_secret(state, "backup_seal"), "secrets/backup_seal")
    recipients = [public_half(identity), *recovery_recipients(state)]
    return Keyring(checked_recipients(recipients), (identity,), seal)


def recovery_recipients(state: StateFolder) -> tuple[str, ...]:
    """Public halves of the recovery keys that exist outside."""
    path = recovery_folder(state) / "recipients"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ()
    return tuple(line.strip() for line in lines if line.startswith("age1"))


def stores_of(
    configuration: Configuration, state: StateFolder, credentials: tuple[str, Secret] | None
) -> list[ObjectStore]:
    targets: Sequence[Target] = configuration.backup.to or (
        FolderTarget(str(state.root / "backups")),
    )
    return [store_of(target, Path(configuration.project), credentials) for target in targets]


def store_of(target: Target, project: Path, credentials: tuple[str, Secret] | None) -> ObjectStore:
    match target:
        case FolderTarget(path):
            return FolderObjects(project / path)
        case S3Target():
            return _bucket(target, credentials)


def _bucket(target: S3Target, credentials: tuple[str, Secret] | None) -> ObjectStore:
    from insightengine.stores.objects import s3  # only where a bucket is used: it is large

    lock = (
        s3.Lock(s3.LockMode(target.lock), target.lock_days)
        if target.lock and target.lock_days
        else None
    )
    return s3.S3Objects(
        s3.S3Place(
            target.bucket,
            target.prefix,
            target.endpoint,
            target.region,
            s3.Addressing(target.addressing),
            target.storage_class,
            lock,
            s3.Credentials(*credentials) if credentials else None,
        )
    )


def credentials_of(state: StateFolder) -> tuple[str, Secret] | None:
    """The access key that was given; None for the client's own chain."""
    if not state.secret(ACCESS_KEY).exists():
        return None
    return read_secret(state, ACCESS_KEY).reveal(), read_secret(state, SECRET_KEY)


def house_of(
    context: PlatformContext,
    cluster: str | None = None,
    credentials: tuple[str, Secret] | None = None,
) -> House:
    """Everything that recovery works with. `cluster` is that of the state folder if not given, and
    `credentials` of the buckets are those that were kept.

    Raises UnavailableError where no cluster was ever created.
    """
    state = context.state
    configuration = configuration_of(state)
    keyring = keyring_of(state)
    envelope = Envelope(keyring, configuration.backup.compression)
    brake = Brake(configuration.backup.rate_bytes_per_s)
    identifier = cluster or _cluster_of(state)
    stores = stores_of(configuration, state, credentials or credentials_of(state))
    database = open_database(recovery_folder(state))
    return House(
        configuration=configuration,
        folders=folders_of(state, configuration),
        programs=Programs(postgres.binary("postgres").parent),
        address=server_address(context),
        pass_file=recovery_folder(state) / "pgpass",
        keyring=keyring,
        repositories=[Repository(store, identifier, envelope, brake) for store in stores],
        catalogue=Catalogue(database),
        journal=Journal(database),
        admin_password=read_secret(state, "postgres_admin_password"),
        replace_cluster=lambda new, kept: replace_cluster(state, new, kept),
        find_replica=lambda: _replica_place(context) if replica_mark(state).exists() else None,
        lose_host=lambda loss: _lose_host(context, loss),
        export_to=lambda folder: new_repository(folder, configuration, identifier, envelope),
        gather=lambda folder: _gather(context, configuration, folder),
        find_records=lambda: _records(context),
    )


def _records(context: PlatformContext) -> RecordStore:
    # It imports the store's client, for which a restore would wait.
    from insightengine.wiring.records import LocalRecords

    return LocalRecords(context)


def _gather(context: PlatformContext, configuration: Configuration, folder: Path) -> None:
    # Every command that knows of recovery would import the clients of cache and store with it.
    from insightengine.wiring.beside import gather

    gather(context, configuration.backup.include, folder)


def _lose_host(context: PlatformContext, loss: Loss) -> Outcome:
    from insightengine.wiring.drill_host import lose_host  # it needs all of this module

    return lose_host(context, loss)


def server_address(context: PlatformContext) -> ServerAddress:
    return ServerAddress(
        context.settings.postgres_host,
        context.settings.port(PortOffset.POSTGRES),
        postgres.BACKUP,
        context.state.secret("postgres_backup_password"),
    )


def admin_address(context: PlatformContext) -> ServerAddress:
    """As the superuser: rewinding a cluster reads files through the server."""
    return replace(
        server_address(context),
        user=postgres.ADMIN,
        password_file=context.state.secret("postgres_admin_password"),
    )


def admin_pass_file(context: PlatformContext) -> Path:
    return recovery_folder(context.state) / "pgpass_admin"


def replica_mark(state: StateFolder) -> Path:
    """Stands where a replica is wanted."""
    return recovery_folder(state) / "replica.json"


def replica_folder(state: StateFolder) -> Path:
    return state.root / "replica"


def _replica_place(context: PlatformContext) -> ReplicaPlace:
    state = context.state
    return ReplicaPlace(
        folder=replica_folder(state),
        former=state.root / "replica.former",
        address=replace(server_address(context), port=context.settings.port(PortOffset.REPLICA)),
        end=lambda name: _end_server(state, name),
        held=_held,
        swap=lambda new, kept: _swap(state, new, kept),
    )


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    hold = cluster_folder.hold_file(folder)
    hold.touch()
    try:
        yield
    finally:
        hold.unlink(missing_ok=True)


def _swap(state: StateFolder, new: Path, kept: Path) -> None:
    """Requested while the server is held: it is carried out before the next start."""
    shutil.rmtree(kept, ignore_errors=True)
    swap = cluster_folder.Swap(str(new), str(kept))
    cluster_folder.request_swap(state.postgres, swap)
    _hurry_server(state)


def _hurry_server(state: StateFolder) -> None:
    """It may be waiting before its next attempt, and so may who receives its log, without which
    commits are nowhere else. One that has come up meanwhile stays."""
    for name in ("postgres", "wal-receiver"):
        with contextlib.suppress(InsightError):
            ask(state.run, {"verb": "hurry", "names": [name]})


def _end_server(state: StateFolder, name: str) -> None:
    """Stops a server in order, at once when that takes too long. Whoever holds it keeps it so."""
    record = alive_records(state.run).get(name)
    if record is None:
        return
    for number, limit_s in ((signal.SIGINT, _STOP_LIMIT_S), (signal.SIGQUIT, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, number)
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if not record.is_alive():
                return
            time.sleep(0.02)


def _cluster_of(state: StateFolder) -> str:
    path = cluster_folder.identity_file(state.postgres)
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        raise UnavailableError(
            f"no cluster was created in {state.root} yet", hint="insight up"
        ) from None


def replace_cluster(state: StateFolder, new: Path, replaced: Path) -> bool:
    """Requests the swap and ends the server; whoever starts it next completes the swap.

    Returns whether a supervisor does so. Idempotent.
    """
    if new.exists():
        cluster_folder.request_swap(state.postgres, cluster_folder.Swap(str(new), str(replaced)))
    supervised = "supervisor" in alive_records(state.run)
    record = alive_records(state.run).get("postgres")
    if cluster_folder.pending_swap(state.postgres) is None:
        return supervised
    if record is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(record.pid, signal.SIGINT)
        deadline = time.monotonic() + _STOP_LIMIT_S
        while record.is_alive() and time.monotonic() < deadline:
            time.sleep(0.02)
    if not supervised:
        cluster_folder.complete_swap(state.postgres)
        return False
    _hurry_server(state)
    return True


def write_private(path: Path, text: str, user: ServiceUser | None) -> None:
    """Replaces the file, readable for the services' user only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if user is not None:
            os.fchown(descriptor, user.uid, user.gid)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)


def folder_of(folder: Path, user: ServiceUser | None) -> None:
    """Creates it, for the services' user only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None and folder.stat().st_uid != user.uid:
        os.chown(folder, user.uid, user.gid)


def now() -> datetime:
    return datetime.now(UTC)
