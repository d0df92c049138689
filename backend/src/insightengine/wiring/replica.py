"""The replica of the local runtime: asked for, shown, removed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from insightengine.core.errors import ConflictError
from insightengine.core.settings import PortOffset
from insightengine.runtimes.local.control import ask
from insightengine.runtimes.local.identity import service_user
from insightengine.runtimes.local.specs import WANTED, Wanted, read_wanted, write_wanted
from insightengine.runtimes.local.supplied import postgres
from insightengine.stores.server import PostgresServer
from insightengine.wiring.environment import PlatformContext, running_context
from insightengine.wiring.recovery import (
    admin_address,
    replica_folder,
    replica_mark,
    server_address,
    write_private,
)
from insightengine.wiring.recovery_processes import replica_process


def add_replica(project: Path) -> int:
    """Its port. Idempotent. Raises ConflictError where no platform runs."""
    context = running_context(project)
    user = service_user(context.settings.service_user, project)
    _wanted(context)
    write_private(replica_mark(context.state), "{}\n", user)
    _apply(context, [replica_process(context)])
    return context.settings.port(PortOffset.REPLICA)


def remove_replica(project: Path) -> None:
    """Its slot goes, too: otherwise the primary would keep WAL for it. Idempotent."""
    context = running_context(project)
    replica_mark(context.state).unlink(missing_ok=True)
    _apply(context, [])
    with PostgresServer(admin_address(context)) as primary:
        primary.drop_slot(postgres.REPLICA)
    shutil.rmtree(replica_folder(context.state), ignore_errors=True)


def replica_status(project: Path) -> dict[str, Any]:
    context = running_context(project)
    with PostgresServer(server_address(context)) as primary:
        state, receivers = primary.state(), primary.receivers()
    found = next((r for r in receivers if r.name == postgres.REPLICA), None)
    if found is None:
        return {"state": "absent", "behind_bytes": None, "replay_lsn": None}
    behind = state.lsn - found.replay_lsn if found.replay_lsn else None
    return {
        "state": found.state,
        "behind_bytes": None if behind is None else max(0, behind),
        "replay_lsn": str(found.replay_lsn),
        "port": context.settings.port(PortOffset.REPLICA),
    }


def _wanted(context: PlatformContext) -> Wanted:
    path = context.state.run / WANTED
    if not path.exists():
        raise ConflictError(f"no platform runs in {context.state.root.parent}", hint="insight up")
    return read_wanted(path)


def _apply(context: PlatformContext, added: list[Any]) -> None:
    wanted = _wanted(context)
    others = [spec for spec in wanted.specs if spec.name != "replica"]
    write_wanted(context.state.run / WANTED, replace(wanted, specs=(*others, *added)))
    ask(context.state.run, {"verb": "apply"})
