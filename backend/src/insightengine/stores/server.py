"""A PostgreSQL server as recovery sees it: where its WAL is, its slots, sizes and contents."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from insightengine.core.errors import ConflictError, UnavailableError
from insightengine.core.lsn import Lsn
from insightengine.core.secrets import Secret

if TYPE_CHECKING:  # imported at the first use: a restore begins without it, and a plan needs none
    import psycopg
    from psycopg import sql

_CONNECT_TIMEOUT_S = 5
_STATEMENT_TIMEOUT_MS = 60_000
_LOCK_TIMEOUT = "2s"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """`host` may be a folder with a unix socket; then `password_file` may be None."""

    host: str
    port: int
    user: str
    password_file: Path | None = None

    @property
    def words(self) -> str:
        """As libpq's connection string, without the password."""
        return f"host={self.host} port={self.port} user={self.user}"


@dataclass(frozen=True, slots=True)
class ServerState:
    """Where the server is. `lsn` is durable on its disk: flushed by a primary, replayed by a
    standby. `now` is the server's clock."""

    system_identifier: str
    version: str
    timeline: int
    lsn: Lsn
    is_standby: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class SlotState:
    """`is_lost`: the server has removed WAL that the slot still needed."""

    is_active: bool
    restart_lsn: Lsn | None
    is_lost: bool
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class ReceiverState:
    """How far a receiver or standby has confirmed; `flush_lsn` is durable on its disk."""

    name: str
    state: str
    is_synchronous: bool
    flush_lsn: Lsn | None
    replay_lsn: Lsn | None


class PostgresServer:
    """Connects at the first use, and again after a loss. Raises UnavailableError meanwhile."""

    def __init__(self, address: ServerAddress, database: str = "postgres") -> None:
        self.address = address
        self._database = database
        self._lock = threading.RLock()
        self._connection: psycopg.Connection[Any] | None = None

    def __enter__(self) -> PostgresServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def state(self) -> ServerState:
        """The timeline of a primary is that which it writes, of a standby that of its replay."""
        (row,) = self.query(
            """SELECT system_identifier::text, current_setting('server_version'),
                      CASE WHEN pg_is_in_recovery() THEN checkpoint.timeline_id
                           ELSE ('x' || substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8))
                                ::bit(32)::int END,
                      coalesce(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                                    ELSE pg_current_wal_flush_lsn() END, '0/0')::text,
                      pg_is_in_recovery(), clock_timestamp()
               FROM pg_control_system(), pg_control_checkpoint() AS checkpoint"""
        )
        return ServerState(row[0], row[1], row[2], Lsn.parse(row[3]), row[4], row[5])

    def databases(self) -> list[tuple[str, int]]:
        """Each database that takes connections, with its size in bytes."""
        found = self.query(
            "SELECT datname::text, pg_database_size(oid) FROM pg_database "
            "WHERE datallowconn ORDER BY datname"
        )
        return [(name, int(size)) for name, size in found]

    def ensure_slot(self, name: str) -> SlotState:
        """Creates a physical slot that keeps WAL from this moment on; one that is lost is new."""
        found = self.slot(name)
        if found is not None and found.is_lost:
            self.drop_slot(name)
            found = None
        if found is None:
            self.query("SELECT pg_create_physical_replication_slot(%s, true)", (name,))
        created = self.slot(name)
        if created is None:
            raise ConflictError(f"the replication slot {name} was dropped by somebody else")
        return created

    def slot(self, name: str) -> SlotState | None:
        found = self.query(
            """SELECT active, restart_lsn::text, coalesce(wal_status = 'lost', false),
                      coalesce(pg_wal_lsn_diff(
                          CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                               ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint
               FROM pg_replication_slots WHERE slot_name = %s""",
            (name,),
        )
        if not found:
            return None
        active, restart, lost, kept = found[0]
        return SlotState(active, Lsn.parse(restart) if restart else None, lost, max(0, kept))

    def drop_slot(self, name: str) -> None:
        """Idempotent. Raises ConflictError while somebody uses the slot."""
        if self.slot(name) is not None:
            self.query("SELECT pg_drop_replication_slot(%s)", (name,))

    def receivers(self) -> list[ReceiverState]:
        found = self.query(
            """SELECT application_name::text, state::text, sync_state IN ('sync', 'quorum'),
                      flush_lsn::text, replay_lsn::text FROM pg_stat_replication"""
        )
        return [
            ReceiverState(
                name,
                state or "",
                synchronous or False,
                Lsn.parse(flush) if flush else None,
                Lsn.parse(replay) if replay else None,
            )
            for name, state, synchronous, flush, replay in found
        ]

    def create_restore_point(self, name: str) -> Lsn:
        """Writes the name into the WAL; durable (and received, if synchronous) on return.

        The transaction id makes the commit wait for the flush of what the transaction wrote.
        """
        ((lsn, _),) = self.query(
            "SELECT pg_create_restore_point(%s)::text, pg_current_xact_id()::text", (name,)
        )
        return Lsn.parse(lsn)

    def set_password(self, role: str, password: Secret) -> None:
        """Sends a verifier: the password itself would stand in logs of statements."""
        from psycopg import sql

        with self._lock, self._answering():
            connection = self._connected()
            verifier = connection.pgconn.encrypt_password(
                password.reveal().encode(), role.encode(), b"scram-sha-256"
            ).decode()
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(statement.format(sql.Identifier(role), sql.Literal(verifier)))

    def query(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement in a transaction of its own."""
        with self._lock, self._answering():
            cursor = self._connected().execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def run(self, statement: sql.Composed) -> None:
        """One statement whose names were composed, in a transaction of its own."""
        with self._lock, self._answering():
            self._connected().execute(statement)

    def count_and_sum(self, table: str) -> tuple[int, str]:
        """Rows of a table, and a checksum over them that does not depend on their order."""
        with self._lock, self._answering():
            return _count_and_sum(self._connected(), table)

    @contextmanager
    def frozen(self, tables: Sequence[str]) -> Iterator[tuple[Lsn, Frozen]]:
        """A view of these tables as they are at one exact WAL position.

        Writers are locked out while the snapshot is taken, which takes milliseconds, and not
        while it is read. Raises ConflictError when the lock is not had within two seconds.
        """
        import psycopg

        with self._answering(), psycopg.connect(**self._parameters()) as connection:
            connection.execute(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            lsn = self._snapshot(connection, tables)
            yield lsn, Frozen(connection)

    def _snapshot(self, connection: psycopg.Connection[Any], tables: Sequence[str]) -> Lsn:
        """A second connection holds the lock, so that it ends before the long reading begins."""
        import psycopg
        from psycopg import sql

        names = sql.SQL(", ").join(_identifier(table) for table in tables)
        with psycopg.connect(**self._parameters()) as locking:
            try:
                locking.execute(
                    sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT))
                )
                locking.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(names))
            except psycopg.errors.LockNotAvailable:
                raise ConflictError(
                    f"the tables {', '.join(tables)} are written to all the time: "
                    f"no lock within {_LOCK_TIMEOUT}",
                    code="table_busy",
                ) from None
            row = connection.execute(b"SELECT pg_current_wal_insert_lsn()::text").fetchone()
            locking.rollback()
        return Lsn.parse(row[0] if row else "")

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg

        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(**self._parameters(), autocommit=True)
            timeout = f"SET statement_timeout = {_STATEMENT_TIMEOUT_MS}"
            self._connection.execute(timeout.encode())
        return self._connection

    def _parameters(self) -> dict[str, Any]:
        address = self.address
        password = (
            {"password": address.password_file.read_text(encoding="utf-8").strip()}
            if address.password_file
            else {}
        )
        return {
            "host": address.host,
            "port": address.port,
            "user": address.user,
            "dbname": self._database,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "application_name": "insight-recovery",
            "client_encoding": "UTF8",  # else texts of an SQL_ASCII database come as bytes
            **password,
        }

    @contextmanager
    def _answering(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
            with suppress(psycopg.Error):
                self.close()
            first = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise UnavailableError(
                f"PostgreSQL at {self.address.host}:{self.address.port} does not answer: {first}",
                code="database_unavailable",
                hint="insight status; insight logs postgres",
            ) from error
        except psycopg.Error as error:
            raise ConflictError(
                f"PostgreSQL refused: {str(error).strip().splitlines()[0]}", code="database_refused"
            ) from error


class Frozen:
    """Reads inside the snapshot of `PostgresServer.frozen`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def count_and_sum(self, table: str) -> tuple[int, str]:
        return _count_and_sum(self._connection, table)


def _count_and_sum(connection: psycopg.Connection[Any], table: str) -> tuple[int, str]:
    from psycopg import sql

    statement = sql.SQL(
        "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} t"
    ).format(_identifier(table))
    row = connection.execute(statement).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, "0")


def _identifier(table: str) -> sql.Identifier:
    """`schema.table`, or a table on the search path."""
    from psycopg import sql

    return sql.Identifier(*table.split("."))
