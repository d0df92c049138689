"""The roles and databases that a PostgreSQL server holds for the platform and its application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from insightengine.runtimes.local.supplied.postgres import ADMIN, BACKUP, DatabaseOwner


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
