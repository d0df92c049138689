"""The journal in SQLite: one file, WAL, every commit synced to disk.

Each call has a connection of its own, so that any thread and any process may call.
"""

# ruff: noqa: S608  only constants are written into the SQL; values are parameters

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from insightengine.core.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from insightengine.stores.journal.holder import is_dead, own_name
from insightengine.stores.journal.port import (
    ACTIVE,
    Agreed,
    Asked,
    Entry,
    Json,
    Lease,
    LeaseLostError,
    Operation,
    Phase,
    StoredRelease,
    UnitState,
)
from insightengine.stores.journal.rows import (
    entry_of,
    json_text,
    operation_of,
    release_of,
    time_of,
    time_text,
    unit_of,
)
from insightengine.stores.journal.schema import MIGRATIONS

_BUSY_S = 10.0
_IS_ACTIVE = f"state IN ({', '.join(repr(state) for state in ACTIVE)})"


class SqliteJournal:
    """`owner` is whom the file shall belong to when root creates it; SQLite keeps that for its
    companions. Raises UnavailableError when the file cannot be used."""

    def __init__(self, path: Path, owner: tuple[int, int] | None = None) -> None:
        self._path = path
        self._create(owner)
        self._watching = self._connect()

    def close(self) -> None:
        self._watching.close()

    def _create(self, owner: tuple[int, int] | None) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # Never one that exists: closing it would drop the locks that SQLite holds on it for
            # other journals of this process, and others would remove the log that they read.
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.close(descriptor)
        except FileExistsError:
            pass
        except OSError as error:
            raise _unavailable(self._path, error) from None
        with self._reading() as connection:
            if connection.execute("PRAGMA user_version").fetchone()[0] >= len(MIGRATIONS):
                return  # whoever only looks waits for no writer
        with self._writing() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in script.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as error:
            raise _unavailable(self._path, error) from None
        return connection

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with closing(self._connect()) as connection:
            try:
                yield connection
            except sqlite3.Error as error:
                raise _unavailable(self._path, error) from None
            except OverflowError:
                raise InvalidInputError("a number is larger than the journal can hold") from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def ask(self, asked: Asked, at: datetime) -> Operation:
        with self._writing() as connection:
            under_way = connection.execute(
                f"SELECT * FROM operations WHERE unit = ? AND {_IS_ACTIVE}", (asked.unit,)
            ).fetchone()
            if under_way is not None:
                raise _under_way(operation_of(under_way))
            row = connection.execute(
                "INSERT INTO operations "
                "(unit, kind, state, asked_by, asked_at, message, parameters) "
                "VALUES (?, ?, 'queued', ?, ?, ?, ?) RETURNING *",
                (
                    asked.unit,
                    asked.kind,
                    asked.by,
                    at.isoformat(),
                    asked.message,
                    json.dumps(asked.parameters),
                ),
            ).fetchone()
        return operation_of(row)

    def cancel(self, operation: int, by: str) -> Operation:
        with self._writing() as connection:
            row = connection.execute(
                f"UPDATE operations SET cancelled_by = coalesce(cancelled_by, ?) "
                f"WHERE id = ? AND {_IS_ACTIVE} RETURNING *",
                (by, operation),
            ).fetchone()
        if row is None:
            over = self.operation(operation)
            raise ConflictError(
                f"operation {operation} is over: {over.state}",
                code="operation_over",
                hint="insight rollback takes a finished release back",
            )
        return operation_of(row)

    def agree(self, agreed: Agreed) -> None:
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO agreements (operation, plan, by_whom, at, why) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (agreed.operation, agreed.plan, agreed.by, agreed.at.isoformat(), agreed.why),
            )

    def agreements(self, operation: int) -> Sequence[Agreed]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT * FROM agreements WHERE operation = ? ORDER BY at", (operation,)
            ).fetchall()
        return [
            Agreed(row["operation"], row["plan"], row["by_whom"], time_of(row["at"]), row["why"])
            for row in rows
        ]

    def take(self, unit: str, ttl_s: float) -> Lease | None:
        now = time.time()
        with self._writing() as connection:
            row = connection.execute("SELECT * FROM leases WHERE unit = ?", (unit,)).fetchone()
            if row is not None and row["expires_at"] > now and not is_dead(row["holder"]):
                return None
            epoch = 1 if row is None else row["epoch"] + 1
            connection.execute(
                "INSERT INTO leases (unit, epoch, holder, expires_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (unit) DO UPDATE SET epoch = excluded.epoch, "
                "holder = excluded.holder, expires_at = excluded.expires_at",
                (unit, epoch, own_name(), now + ttl_s),
            )
        return Lease(unit, epoch)

    def renew(self, lease: Lease, ttl_s: float) -> None:
        with self._writing() as connection:
            _refuse_lost(connection, lease)
            connection.execute(
                "UPDATE leases SET expires_at = ? WHERE unit = ?", (time.time() + ttl_s, lease.unit)
            )

    def give_back(self, lease: Lease) -> None:
        with self._writing() as connection:
            connection.execute(
                "UPDATE leases SET expires_at = 0 WHERE unit = ? AND epoch = ?",
                (lease.unit, lease.epoch),
            )

    def note(
        self, lease: Lease, operation: int, step: str, phase: Phase, detail: Json, at: datetime
    ) -> Entry:
        with self._writing() as connection:
            _refuse_lost(connection, lease)
            row = connection.execute(
                "INSERT INTO entries (operation, at, step, phase, detail) VALUES (?, ?, ?, ?, ?) "
                "RETURNING *",
                (operation, at.isoformat(), step, phase.value, json.dumps(detail)),
            ).fetchone()
        return entry_of(row)

    def update(self, lease: Lease, operation: Operation) -> None:
        with self._writing() as connection:
            _refuse_lost(connection, lease)
            connection.execute(
                "UPDATE operations SET state = ?, release = ?, previous = ?, facts = ?, "
                "started_at = ?, ended_at = ?, summary = ?, failure = ?, held = ? WHERE id = ?",
                (
                    operation.state,
                    operation.release,
                    operation.previous,
                    json_text(operation.facts),
                    time_text(operation.started_at),
                    time_text(operation.ended_at),
                    operation.summary,
                    json_text(operation.failure),
                    operation.held,
                    operation.id,
                ),
            )

    def operation(self, operation: int) -> Operation:
        with self._reading() as connection:
            row = connection.execute(
                "SELECT * FROM operations WHERE id = ?", (operation,)
            ).fetchone()
        if row is None:
            raise NotFoundError(f"there is no operation {operation}", hint="insight releases")
        return operation_of(row)

    def active(self, unit: str | None = None) -> Sequence[Operation]:
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT * FROM operations WHERE {_IS_ACTIVE} AND (? IS NULL OR unit = ?) "
                "ORDER BY id",
                (unit, unit),
            ).fetchall()
        return [operation_of(row) for row in rows]

    def operations(
        self, unit: str | None, before: int | None, limit: int, *, besides: str | None = None
    ) -> Sequence[Operation]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT * FROM operations WHERE (? IS NULL OR unit = ?) AND (? IS NULL OR id < ?) "
                "AND unit IS NOT ? ORDER BY id DESC LIMIT ?",
                (unit, unit, before, before, besides, limit),
            ).fetchall()
        return [operation_of(row) for row in rows]

    def entries(self, operation: int, after: int = 0) -> Sequence[Entry]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT * FROM entries WHERE operation = ? AND seq > ? ORDER BY seq",
                (operation, after),
            ).fetchall()
        return [entry_of(row) for row in rows]

    def change_counter(self) -> int:
        try:
            counter: int = self._watching.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise _unavailable(self._path, error) from None
        return counter

    def keep(self, release: StoredRelease) -> None:
        with self._writing() as connection:
            connection.execute(
                "INSERT INTO releases (unit, id, content, config, created_at, created_by, message) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    release.unit,
                    release.id,
                    json.dumps(release.content),
                    json.dumps(release.config),
                    release.created_at.isoformat(),
                    release.created_by,
                    release.message,
                ),
            )

    def release(self, unit: str, id_: str) -> StoredRelease:
        found = [one for one in self.releases(unit) if one.id.startswith(id_)] if id_ else []
        exact = [one for one in found if one.id == id_] or found
        if not exact:
            known = ", ".join(one.id for one in self.releases(unit)[:5]) or "none"
            raise NotFoundError(
                f"{unit} has no release {id_}; the latest are {known}", hint="insight releases"
            )
        if len(exact) > 1:
            raise ConflictError(
                f"{id_} may be {' or '.join(one.id for one in exact)}", hint="give more of its id"
            )
        return exact[0]

    def releases(self, unit: str | None = None) -> Sequence[StoredRelease]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT * FROM releases WHERE ? IS NULL OR unit = ? "
                "ORDER BY created_at DESC, rowid DESC",
                (unit, unit),
            ).fetchall()
        return [release_of(row) for row in rows]

    def forget(self, unit: str, id_: str) -> None:
        with self._writing() as connection:
            connection.execute("DELETE FROM releases WHERE unit = ? AND id = ?", (unit, id_))

    def unit(self, unit: str) -> UnitState:
        return next((one for one in self.units() if one.unit == unit), UnitState(unit))

    def units(self) -> Sequence[UnitState]:
        with self._reading() as connection:
            rows = connection.execute("SELECT * FROM units ORDER BY unit").fetchall()
        return [unit_of(row) for row in rows]

    def remember(self, state: UnitState) -> None:
        with self._writing() as connection:
            row = connection.execute("SELECT * FROM units WHERE unit = ?", (state.unit,)).fetchone()
            is_new = state.serving != (row["serving"] if row else None)
            now = datetime.now(UTC) if is_new else None
            since = time_text(state.serving_since or now)
            connection.execute(
                "INSERT INTO units (unit, serving, serving_since, warm, warm_until, "
                "maintenance_text) VALUES (?, ?, ?, ?, ?, '') ON CONFLICT (unit) DO UPDATE SET "
                "serving = excluded.serving, serving_since = excluded.serving_since, "
                "warm = excluded.warm, warm_until = excluded.warm_until",
                (state.unit, state.serving, since, state.warm, time_text(state.warm_until)),
            )
            if is_new and state.serving is not None:
                connection.execute(
                    "INSERT INTO served (unit, release, since) VALUES (?, ?, ?)",
                    (state.unit, state.serving, since),
                )

    def maintain(self, unit: str, by: str | None, since: datetime | None) -> UnitState:
        with self._writing() as connection:
            row = connection.execute(
                "INSERT INTO units (unit, maintenance_by, maintenance_since, maintenance_text) "
                "VALUES (?, ?, ?, '') ON CONFLICT (unit) DO UPDATE SET "
                "maintenance_by = excluded.maintenance_by, "
                "maintenance_since = excluded.maintenance_since RETURNING *",
                (unit, by, time_text(since)),
            ).fetchone()
        return unit_of(row)

    def served(self, unit: str) -> Sequence[tuple[str, datetime]]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT release, since FROM served WHERE unit = ? ORDER BY seq DESC", (unit,)
            ).fetchall()
        return [(row["release"], time_of(row["since"])) for row in rows]


def _refuse_lost(connection: sqlite3.Connection, lease: Lease) -> None:
    row = connection.execute("SELECT epoch FROM leases WHERE unit = ?", (lease.unit,)).fetchone()
    if row is None or row["epoch"] != lease.epoch:
        raise LeaseLostError(
            f"another process carries out the operations of {lease.unit} now",
            hint="insight release watch",
        )


def _under_way(operation: Operation) -> ConflictError:
    since = operation.asked_at.strftime("%H:%M:%S %Z")
    return ConflictError(
        f"{operation.unit}: operation {operation.id} ({operation.kind}, {operation.state}) is "
        f"under way since {since}, asked by {operation.asked_by}",
        code="release_in_progress",
        hint="insight release watch follows it, insight release cancel takes it back",
        context={"operation": operation.id},
    )


def _unavailable(path: Path, error: Exception) -> UnavailableError:
    return UnavailableError(
        f"the journal {path} cannot be used: {error}",
        code="journal_unavailable",
        hint="free some space, and look at who owns the file",
    )
