"""A folder of plain SQL: NAME.up.sql and, to take it back, NAME.down.sql; in the order of names."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing

import psycopg
from psycopg import sql

from insightengine.application.policy import Migrations
from insightengine.core.errors import InvalidInputError
from insightengine.release.migrations.label import Script
from insightengine.release.migrations.statements import statements
from insightengine.release.migrations.tool import (
    Inspected,
    LockedError,
    MigrationError,
    Output,
)

UP, DOWN = ".up.sql", ".down.sql"
_ONE_AT_A_TIME = 0x494E53474D  # "INSGM": key of the advisory lock
_TABLE = """CREATE TABLE IF NOT EXISTS insight_migrations (
    name text PRIMARY KEY,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
_RETRYABLE = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
Connect = Callable[[], psycopg.Connection[tuple[object, ...]]]


def scripts_of(files: Mapping[str, str], service: str) -> tuple[Script, ...]:
    """The migrations among the files of a folder, by name.

    Raises InvalidInputError for a down-migration whose up is missing, and for a plain `.sql` file.
    """
    ups = {name.removesuffix(UP): text for name, text in files.items() if name.endswith(UP)}
    downs = {name.removesuffix(DOWN): text for name, text in files.items() if name.endswith(DOWN)}
    odd = [n for n in files if n.endswith(".sql") and not n.endswith((UP, DOWN))]
    odd += [f"{name}{DOWN}" for name in sorted(downs.keys() - ups.keys())]
    if odd:
        raise InvalidInputError(
            f"{service}: {odd[0]} is no migration; they are named NAME{UP} and NAME{DOWN}",
            code="invalid_migration",
            hint="rename it, or move it out of the folder",
        )
    return tuple(Script(name, ups[name], downs.get(name)) for name in sorted(ups))


class SqlMigrations:
    """What was applied stands in the table `insight_migrations` of the service's database."""

    def __init__(
        self, service: str, settings: Migrations, scripts: Sequence[Script], connect: Connect
    ) -> None:
        self._service = service
        self._settings = settings
        self._scripts = tuple(scripts)
        self._connect = connect

    def inspect(self) -> Inspected:
        with closing(self._open()) as connection:
            applied = self._applied(connection)
        pending = tuple(script for script in self._scripts if script.name not in applied)
        return Inspected(
            max(applied, default=""),
            max([*applied, *(p.name for p in pending)], default=""),
            pending,
        )

    def up(self, output: Output) -> str:
        with closing(self._open()) as connection:
            self._one_at_a_time(connection)
            applied = self._applied(connection)
            for script in self._scripts:
                if script.name not in applied:
                    output(f"applying {script.name}")
                    self._apply(connection, script, script.up, self._noted(script))
            return max(self._applied(connection), default="")

    def down(self, head: str, output: Output) -> str:
        with closing(self._open()) as connection:
            self._one_at_a_time(connection)
            applied = self._applied(connection)
            for script in reversed(self._scripts):
                if script.name in applied and script.name > head:
                    output(f"taking back {script.name}")
                    self._take_back(connection, script)
            return max(self._applied(connection), default="")

    def _take_back(
        self, connection: psycopg.Connection[tuple[object, ...]], script: Script
    ) -> None:
        if script.down is None:
            raise MigrationError(
                f"{self._service}: {script.name} has no down-migration; the schema stays there",
                hint=f"write {script.name}{DOWN}",
            )
        forget = sql.SQL("DELETE FROM insight_migrations WHERE name = {}").format(script.name)
        self._apply(connection, script, script.down, forget)

    def _open(self) -> psycopg.Connection[tuple[object, ...]]:
        try:
            return self._connect()
        except psycopg.Error as error:
            raise MigrationError(
                f"{self._service}: its database does not answer: {_first_line(error)}",
                code="database_unavailable",
                hint="insight status",
            ) from None

    def _applied(self, connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, str]:
        """Checksums by name. Raises MigrationError when an applied script was changed since."""
        table = connection.execute("SELECT to_regclass('insight_migrations')").fetchone()
        if table is None or table[0] is None:
            return {}
        rows = connection.execute("SELECT name, checksum FROM insight_migrations").fetchall()
        applied = {str(name): str(checksum) for name, checksum in rows}
        for script in self._scripts:
            if applied.get(script.name, _checksum(script)) != _checksum(script):
                raise MigrationError(
                    f"{self._service}: {script.name} was changed after it had been applied",
                    code="migration_changed",
                    hint="leave it as it was, and write another migration",
                )
        return applied

    def _one_at_a_time(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        """Also keeps out the connection of a predecessor that was killed and still works."""
        timeout_ms = round(1000 * self._settings.lock_timeout_s)
        connection.execute(
            sql.SQL("SELECT set_config('lock_timeout', {}, false)").format(str(timeout_ms))
        )
        try:
            connection.execute(
                sql.SQL("SELECT pg_advisory_lock({})").format(sql.Literal(_ONE_AT_A_TIME))
            )
        except _RETRYABLE:
            raise LockedError(f"{self._service}: another migration is under way") from None
        connection.execute(_TABLE)

    def _apply(
        self,
        connection: psycopg.Connection[tuple[object, ...]],
        script: Script,
        text: str,
        note: sql.Composed,
    ) -> None:
        settings = [
            sql.SQL("SELECT set_config({}, {}, false)").format(name, str(round(1000 * seconds)))
            for name, seconds in (
                ("lock_timeout", self._settings.lock_timeout_s),
                ("statement_timeout", self._settings.statement_timeout_s),
            )
        ]
        try:
            for setting in settings:
                connection.execute(setting)
            if script.is_transactional:
                with connection.transaction():
                    connection.execute(text.encode(), prepare=False)
                    connection.execute(note)
            else:
                for statement in statements(text):
                    connection.execute(statement.encode(), prepare=False)
                connection.execute(note)
        except psycopg.Error as error:
            raise self._failed(script, error) from None

    def _failed(self, script: Script, error: psycopg.Error) -> MigrationError:
        part = "nothing of it was kept" if script.is_transactional else "parts of it may be applied"
        kind = LockedError if isinstance(error, _RETRYABLE) else MigrationError
        return kind(
            f"{self._service}: {script.name} failed, {part}: {_first_line(error)}",
            hint="mend the migration; nothing was switched",
            context={"script": script.name},
        )

    @staticmethod
    def _noted(script: Script) -> sql.Composed:
        return sql.SQL("INSERT INTO insight_migrations (name, checksum) VALUES ({}, {})").format(
            script.name, _checksum(script)
        )


def _checksum(script: Script) -> str:
    return hashlib.sha256(script.up.encode()).hexdigest()


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().split("\n", 1)[0]
