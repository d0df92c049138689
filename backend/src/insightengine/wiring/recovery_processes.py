"""The processes of recovery here: receiver, worker, and the replica where one is wanted."""

from __future__ import annotations

import sys

from insightengine.core.settings import PortOffset
from insightengine.recovery.commands import Programs
from insightengine.recovery.house import RECEIVER
from insightengine.runtimes.local.supplied import postgres
from insightengine.runtimes.port import HttpReady, PostgresReady, ProcessSpec, RunningReady
from insightengine.wiring.application import Placed, base_environment
from insightengine.wiring.environment import PlatformContext, as_environment
from insightengine.wiring.recovery import (
    admin_address,
    admin_pass_file,
    recovery_folder,
    replica_folder,
    replica_mark,
    server_address,
)

_HOST = "127.0.0.1"


def recovery_processes(context: PlatformContext, placed: Placed | None) -> tuple[ProcessSpec, ...]:
    """The WAL receiver and the worker; none when backups are switched off."""
    if placed is not None and not placed.application.backup.enabled:
        return ()
    environment = {**base_environment(context), **as_environment(context)}
    root = recovery_folder(context.state)
    programs = Programs(postgres.binary("postgres").parent)
    server = server_address(context)
    receiver = ProcessSpec(
        name="wal-receiver",
        argv=programs.receive_wal(server, root / "receiving", RECEIVER),
        cwd=context.state.root,
        env={**environment, "PGPASSFILE": str(root / "pgpass")},
        readiness=RunningReady(),
        depends_on=("postgres",),
        prepare=(
            (
                *(sys.executable, "-m", "insightengine.worker.wal_receiver"),
                *(server.host, str(server.port), server.user, RECEIVER, str(root)),
            ),
        ),
        stop_signal="SIGINT",
        labels={"service": "wal-receiver", "colour": "", "release": "", "kind": "platform"},
    )
    port = context.settings.port(PortOffset.BACKUPS)
    worker = ProcessSpec(
        name="backups",
        argv=(sys.executable, "-m", "insightengine.worker.backups"),
        cwd=context.state.root,
        env=environment,
        readiness=HttpReady(f"http://{_HOST}:{port}/healthz"),
        depends_on=(),
        ports=(port,),
        stop_timeout_s=20.0,
        labels={"service": "backups", "colour": "", "release": "", "kind": "platform"},
    )
    replica = (replica_process(context),) if replica_mark(context.state).exists() else ()
    return (receiver, worker, *replica)


def replica_process(context: PlatformContext) -> ProcessSpec:
    """A standby on a port of its own; its folder is prepared before each start."""
    settings, state = context.settings, context.state
    port = settings.port(PortOffset.REPLICA)
    source = f"{admin_address(context).words} application_name={postgres.REPLICA}"
    options = {
        "primary_conninfo": f"{source} passfile={admin_pass_file(context)}",
        "primary_slot_name": postgres.REPLICA,
        "hot_standby": "on",
    }
    return ProcessSpec(
        name="replica",
        argv=(
            *postgres.server_argv(replica_folder(state), port, settings.listen_host),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ),
        cwd=state.root,
        env={**base_environment(context), **as_environment(context)},
        readiness=PostgresReady(
            settings.postgres_host,
            port,
            postgres.ADMIN,
            "postgres",
            state.secret("postgres_admin_password"),
        ),
        depends_on=("postgres",),
        prepare=((sys.executable, "-m", "insightengine.worker.replica"),),
        ports=(port,),
        stop_signal="SIGINT",
        stop_timeout_s=30.0,
        labels={"service": "replica", "colour": "", "release": "", "kind": "platform"},
    )


def wal_safety(placed: Placed | None) -> postgres.WalSafety:
    if placed is None or not placed.application.backup.enabled:
        return postgres.WalSafety()
    wal = placed.application.backup.wal
    return postgres.WalSafety(wal.slot_limit_bytes, RECEIVER if wal.synchronous else None)
