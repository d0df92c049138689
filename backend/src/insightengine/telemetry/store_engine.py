"""ClickHouse in this process: the only owner of its data path. Blocking; call it from threads."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from chdb.state.sqlitelike import Connection

from insightengine.telemetry import decode
from insightengine.telemetry.insertion import StoreRefusedError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.priorities import let_merges_wait
from insightengine.telemetry.schema import DATABASE, migrations
from insightengine.telemetry.schema.inserted import MADE_BY_MERGES
from insightengine.telemetry.schema.layout import Layout
from insightengine.telemetry.store_query import Query, StoreQueryError, check, literal

_log = structlog.get_logger("telemetry.store")
_READERS: Final = 3
_WRITERS: Final = 2
_BASE_BYTES: Final = 1024**3  # the engine itself, caches, and inserts
_CACHE_BYTES: Final = 32 * 1024**2
_SPILL_BYTES: Final = 256 * 1024**2
_CONFIGURATION: Final = Path(__file__).with_name("engine.xml")
_TIMEOUT: Final = "max_execution_time"
_CODE = re.compile(r"Code: (\d+)\.")


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """`memory_bytes` bounds all queries together, `query_timeout_s` each of them."""

    memory_bytes: int
    query_timeout_s: float


class StoreEngine:
    """Opens the path. A new one gets the present tables, an older one is made ready for `rebuild`.

    While `needs_rebuild`, only inserts are possible: the ingesters take up the batch that was under
    way, then `rebuild` brings the tables to the present version.
    """

    def __init__(self, path: Path, limits: EngineLimits) -> None:
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
        self._limits = limits
        self._address = f"{path}?config-file={_CONFIGURATION}&{_server_settings(limits)}"
        self._administrators = {
            name: (self._administrator(), threading.Lock()) for name in ("control", "alter")
        }
        self._pending = self._prepare()
        let_merges_wait()
        self._writers: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        for _ in range(_WRITERS):
            self._writers.put(self._writer())
        self._readers: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        for _ in range(_READERS):
            self._readers.put(self._reader())

    @property
    def needs_rebuild(self) -> bool:
        return bool(self._pending)

    def rebuild(self) -> None:
        """Takes as long as copying all records; killed half-way, the next start does it again."""
        for migration in self._pending:
            days = sorted(self.lines(migrations.days_sql(Layout())))
            for statement in migration.rebuild(Layout(), days):
                self.execute(statement)
            self.execute(migrations.applied_statement(migration.version))
            _log.info("telemetry schema migrated", version=migration.version, days=len(days))
        self._pending = ()

    def insert(
        self, signal: Signal, segment: Path, token: str, *, views_may_fail: bool = False
    ) -> None:
        """`insertion.Inserter`. Waits while as many inserts as there are writers are under way."""
        statement = decode.insert_statement(signal, segment, token)
        if views_may_fail:
            statement += f", {decode.VIEWS_MAY_FAIL} = 1"
        writer = self._writers.get()
        try:
            writer.query(statement)
        except Exception as error:  # chdb raises several types of its own
            code, message = _code_and_message(error)
            raise StoreRefusedError(code, message) from None
        finally:
            self._writers.put(writer)

    def run(self, query: Query) -> bytes:
        """Answer of a read-only query in its format. Raises StoreQueryError."""
        check(query)
        with self._borrowed() as reader, _with_settings(reader, query, self._limits):
            try:
                return bytes(reader.query(query.sql, query.format).bytes())
            except Exception as error:
                raise StoreQueryError(*_code_and_message(error)) from None

    def cancel(self, query_id: str) -> None:
        """Ends the query of that id, if it still runs, at its next block of rows."""
        wanted = f"Settings['log_comment'] = {literal(query_id)}"
        self._administer("control", f"KILL QUERY WHERE {wanted} ASYNC")

    def execute(self, statement: str) -> None:
        """One statement that writes or administers; ours, never a client's.

        What alters tables may take minutes, and does not hold up anything else.
        """
        name = "alter" if statement.startswith("ALTER") else "control"
        self._administer(name, statement)

    def lines(self, sql: str) -> list[str]:
        """Rows of our own SQL as lines of tab-separated text. Raises StoreQueryError."""
        return self._administer("control", sql).decode().split("\n")[:-1]

    def _administer(self, name: str, sql: str) -> bytes:
        connection, lock = self._administrators[name]
        with lock:
            try:
                return bytes(connection.query(sql, "TSVRaw").bytes())
            except Exception as error:
                raise StoreQueryError(*_code_and_message(error)) from None

    def close(self) -> None:
        """Ends all connections; inserts and queries must have ended."""
        for idle in (self._readers, self._writers):
            while not idle.empty():
                idle.get().close()
        for connection, _ in self._administrators.values():
            connection.close()

    def _connect(self) -> Connection:
        return Connection(self._address)

    def _administrator(self) -> Connection:
        connection = self._connect()
        connection.query(
            f"SET max_bytes_before_external_group_by = {_SPILL_BYTES}, max_query_size = 8388608"
        )
        return connection

    def _writer(self) -> Connection:
        """Views group what they derive, so it needs no merging before it is written."""
        writer = self._connect()
        left = ",".join(MADE_BY_MERGES)
        writer.query(
            f"SET exclude_materialize_skip_indexes_on_insert = '{left}', optimize_on_insert = 0"
        )
        return writer

    def _reader(self) -> Connection:
        reader = self._connect()
        reader.query(f"USE {DATABASE}")
        reader.query(
            f"SET max_memory_usage = {self._limits.memory_bytes // 2}, "
            f"max_memory_usage_for_user = {self._limits.memory_bytes}, "
            f"max_execution_time = {self._limits.query_timeout_s}, max_threads = 2, "
            "max_result_bytes = 268435456, use_uncompressed_cache = 0"
        )
        reader.query("SET readonly = 2")
        return reader

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        try:
            reader = self._readers.get(timeout=self._limits.query_timeout_s)
        except queue.Empty:
            raise StoreQueryError(202, "too many simultaneous queries") from None
        try:
            yield reader
        finally:
            self._readers.put(reader)

    def _prepare(self) -> tuple[migrations.Migration, ...]:
        """What has to be rebuilt. Everything of it that only adds is done."""
        layout = Layout()
        for statement in migrations.bootstrap_statements(layout):
            self.execute(statement)
        applied = self._applied()
        if not applied:
            for statement in migrations.create_statements(layout):
                self.execute(statement)
            versions = range(1, migrations.LATEST + 1)
            self.execute(migrations.applied_statement(*versions))
            return ()
        pending = migrations.pending(applied)
        for migration in pending:
            for statement in migration.expand(layout):
                self.execute(statement)
        return pending

    def _applied(self) -> frozenset[int]:
        return frozenset(int(line) for line in self.lines(migrations.APPLIED_SQL))


def _server_settings(limits: EngineLimits) -> str:
    caches = (
        "mark_cache_size",
        "index_mark_cache_size",
        "primary_index_cache_size",
        "text_index_tokens_cache_size",
        "text_index_header_cache_size",
        "text_index_postings_cache_size",
        "query_condition_cache_size",
        "compiled_expression_cache_size",
    )
    settings: Mapping[str, int] = {
        **dict.fromkeys(caches, _CACHE_BYTES),
        "max_server_memory_usage": limits.memory_bytes + _BASE_BYTES,
        "max_thread_pool_size": 200,
        "background_pool_size": 2,
    }
    return "&".join(f"{name}={value}" for name, value in settings.items())


@contextmanager
def _with_settings(reader: Connection, query: Query, limits: EngineLimits) -> Iterator[None]:
    """Settings and parameters live on the connection, so settings are put back afterwards."""
    limit = str(limits.query_timeout_s)
    settings = {
        name: value
        for name, value in query.settings(limits.query_timeout_s).items()
        if (name, value) != (_TIMEOUT, limit)  # that is in force
    }
    given = {
        "log_comment": query.id,
        **{f"param_{name}": value for name, value in query.parameters.items()},
        **settings,
    }
    try:
        try:
            assigned = ", ".join(f"{name} = {literal(value)}" for name, value in given.items())
            reader.query(f"SET {assigned}")
        except Exception as error:
            raise StoreQueryError(*_code_and_message(error)) from None
        if query.database != DATABASE:
            reader.query(f"USE {query.database}")
        yield
    finally:
        for name in settings:
            reader.query(f"SET {name} = {limit if name == _TIMEOUT else 'DEFAULT'}")
        if query.database != DATABASE:
            reader.query(f"USE {DATABASE}")


def _code_and_message(error: Exception) -> tuple[int, str]:
    message = str(error)
    match = _CODE.search(message)
    return (int(match[1]) if match else 0), message
