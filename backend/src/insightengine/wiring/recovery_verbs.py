"""What a person, the API or a schedule asks of recovery: one function a verb."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from insightengine.core.errors import (
    ConflictError,
    InsightError,
    InvalidInputError,
    UnavailableError,
)
from insightengine.core.secrets import Secret
from insightengine.core.settings import StateFolder
from insightengine.recovery.house import House, rebuild
from insightengine.recovery.journal import (
    Operation,
    OperationKind,
    OperationState,
    ask_patiently,
    refused_by,
)
from insightengine.recovery.keys import (
    Keyring,
    new_identity,
    parse_recovery_key,
    public_half,
    recovery_key_text,
)
from insightengine.recovery.restore import plan_restore
from insightengine.runtimes.local.identity import service_user
from insightengine.runtimes.local.records import alive_records
from insightengine.runtimes.local.specs import ServiceUser
from insightengine.wiring.environment import (
    PlatformContext,
    as_environment,
    read_secret,
    running_context,
)
from insightengine.wiring.recovery import (
    ACCESS_KEY,
    SECRET_KEY,
    configuration_of,
    house_of,
    now,
    recovery_folder,
    recovery_recipients,
    write_private,
)

_POLL_S = 0.02
Heard = Callable[[Operation], None]


def open_house(project: Path) -> House:
    """The recovery of the platform in a project's folder; its catalogue built anew if empty."""
    house = house_of(running_context(project))
    if not house.backups():
        try:
            rebuild(house)
        except UnavailableError:
            return house
    return house


def ask_for(
    project: Path, kind: OperationKind, request: Mapping[str, Any], asked_by: str
) -> Operation:
    """Writes down what is wanted; the worker of a running platform takes it up at once.

    Where none runs, a process is started for it as the services' user.
    """
    context = running_context(project)
    house = house_of(context)
    operation = ask_patiently(house.journal, kind, request, asked_by, now)
    if "backups" not in alive_records(context.state.run):
        start_alone(context, project, operation.id)
    return operation


def start_alone(context: PlatformContext, project: Path, operation_id: str) -> None:
    from insightengine.wiring.application import base_environment  # a platform that runs needs none

    user = service_user(context.settings.service_user, project)
    with (context.state.logs / "backups.log").open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "insightengine.worker.operation", operation_id],
            env={**base_environment(context), **as_environment(context)},
            cwd=context.state.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )


def wait_for(project: Path, operation: Operation, heard: Heard) -> Operation:
    """Follows an operation to its end. Raises what ended it, as an error of this process."""
    house = house_of(running_context(project))
    while True:
        found = house.journal.get(operation.id)
        heard(found)
        if found.state.is_over:
            break
        time.sleep(_POLL_S)
    if found.state is not OperationState.DONE:
        raise ConflictError(
            f"{found.kind.value} {found.state.value}: {found.error or 'it was cancelled'}",
            code="operation_failed",
            hint=found.hint or "insight logs backups",
        )
    return found


def create_recovery_key(project: Path, output: Path | None) -> tuple[Secret, str]:
    """A new recovery key; the platform keeps its public half only. The text, and that half.

    Raises ConflictError when the file exists: a key is never overwritten.
    """
    context = running_context(project)
    user = service_user(context.settings.service_user, project)
    seal = read_secret(context.state, "backup_seal")
    identity = new_identity()
    of = f"{configuration_of(context.state).application} on {os.uname().nodename}"
    text = recovery_key_text(identity, seal, now(), of)
    if output is not None:
        _write_new(output, text)
    recipient = public_half(identity)
    _add_recipient(context.state, recipient, user)
    return text, recipient


def _write_new(path: Path, text: Secret) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConflictError(f"{path} exists; a key is never overwritten") from None
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text.reveal())
        file.flush()
        os.fsync(descriptor)


def _add_recipient(state: StateFolder, recipient: str, user: ServiceUser | None) -> None:
    known = [*recovery_recipients(state), recipient]
    write_private(recovery_folder(state) / "recipients", "\n".join([*known, ""]), user)


def check_recovery_key(project: Path, key: Path) -> str:
    """The public half of a key that opens this platform's backups. Raises ConflictError."""
    found = read_key(key)
    context = running_context(project)
    if found.recipients[0] not in recovery_recipients(context.state):
        raise ConflictError(
            f"{key} is the key {found.recipients[0]}, which is none of this platform's",
            hint="insight recover key list",
        )
    if found.seal.reveal() != read_secret(context.state, "backup_seal").reveal():
        raise ConflictError(f"{key} carries another seal than this platform's")
    return found.recipients[0]


def read_key(path: Path) -> Keyring:
    try:
        return parse_recovery_key(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidInputError(
            f"the key {path} cannot be read: {reason}",
            hint="name the file that `insight recover key create` wrote",
        ) from None


def keep_credentials(project: Path, access_key: str, secret: Secret) -> None:
    """The access key of the buckets, kept among the platform's secrets."""
    context = running_context(project)
    user = service_user(context.settings.service_user, project)
    write_private(context.state.secret(ACCESS_KEY), access_key, user)
    write_private(context.state.secret(SECRET_KEY), secret.reveal(), user)


def backup_table(house: House) -> list[dict[str, Any]]:
    """Every backup with what it is worth, the newest first."""
    standings, copies = house.standings(), house.catalogue.copies()
    return [
        {
            "id": backup.id,
            "kind": backup.kind.value,
            "parent": backup.parent,
            "started_at": backup.started_at.isoformat(),
            "seconds": round(backup.duration.total_seconds(), 2),
            "plain_bytes": backup.plain_bytes,
            "stored_bytes": backup.stored_bytes,
            "timeline": backup.timeline,
            "stop_lsn": str(backup.stop),
            "standing": standings[backup.id].value,
            "repositories": sorted(copies.get(backup.id, ())),
            "reason": backup.reason,
        }
        for backup in reversed(house.backups())
    ]


def refuse_beside(house: House, *kinds: OperationKind) -> None:
    """Raises ConflictError while an operation of such a kind is under way."""
    for operation in house.journal.under_way():
        if operation.kind in kinds:
            raise refused_by(operation)


def take_back_backups(house: House) -> None:
    """Of a cluster that goes, a backup comes to nothing."""
    for operation in house.journal.under_way():
        if operation.kind is OperationKind.BACKUP:
            house.journal.take_back(operation.id, house.now())


def restore_plan_table(house: House, target: str) -> dict[str, Any]:
    """The plan of a restore as it is shown, before anything is done."""
    plan = plan_restore(house, target)
    return {
        "to": target,
        "backup": plan.backup.id,
        "standing": plan.standing.value,
        "chain": [backup.id for backup in plan.chain],
        "replaces": str(house.folders.cluster),
        "lost": plan.lost,
        "restore_bytes": plan.restore_bytes,
        "wal_bytes": plan.wal_bytes,
        "estimated_s": plan.estimated_s,
        "is_estimate_measured": plan.is_estimate_measured,
    }


def repository_table(house: House) -> list[dict[str, Any]]:
    """Each repository: whether it answers, and how far it has the WAL."""
    found: list[dict[str, Any]] = []
    for repository in house.repositories:
        problem: str | None = None
        try:
            repository.store.check()
        except InsightError as error:
            problem = error.message
        shipped = house.catalogue.fact(f"shipped {repository.name}") or {}
        found.append(
            {
                "repository": repository.name,
                "problem": problem or shipped.get("error"),
                "wal_lsn": shipped.get("lsn"),
                "wal_at": shipped.get("at"),
                "coverage": [
                    {"timeline": c.timeline, "start": str(c.start), "end": str(c.end)}
                    for c in house.catalogue.coverage(repository.name)
                ],
            }
        )
    return found
