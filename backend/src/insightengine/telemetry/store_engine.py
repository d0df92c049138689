"""ClickHouse in this process: the only owner of its data path. Blocking; call it from threads."""

from __future__ import annotations

import queue
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from chdb.state.sqlitelike import Connection

from insightengine.telemetry import decode, schema
from insightengine.telemetry.insertion import StoreRefusedError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.store_query import Query, StoreQueryError, check, literal

_log = structlog.get_logger("telemetry.store")
_READERS: Final = 3
_BASE_BYTES: Final = 768 * 1024**2  # the engine itself, caches, and one insert a signal
_CACHE_BYTES: Final = 32 * 1024**2
_CODE = re.compile(r"Code: (\d+)\.")


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """`memory_bytes` bounds all queries together, `query_timeout_s` each of them."""

    memory_bytes: int
    query_timeout_s: float
    retention_days: int


class StoreEngine:
    """Opens the path and brings its tables to the present version."""

    def __init__(self, path: Path, limits: EngineLimits) -> None:
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
        self._limits = limits
        self._address = f"{path}?{_server_settings(limits)}"
        self._owner = Connection(self._address)
        self._migrate()
        self._writers = {signal: self._connect() for signal in Signal}
        self._readers: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        for _ in range(_READERS):
            self._readers.put(self._reader())

    def insert(self, signal: Signal, segment: Path, token: str) -> None:
        """`insertion.Inserter`."""
        statement = decode.insert_statement(signal, segment, token)
        try:
            self._writers[signal].query(statement)
        except Exception as error:  # chdb raises several types of its own
            code, message = _code_and_message(error)
            raise StoreRefusedError(code, message) from None

    def run(self, query: Query) -> bytes:
        """Answer of a read-only query in its format. Raises StoreQueryError."""
        check(query)
        with self._borrowed() as reader, _with_settings(reader, query, self._limits):
            try:
                return bytes(reader.query(query.sql, query.format).bytes())
            except Exception as error:
                raise StoreQueryError(*_code_and_message(error)) from None

    def execute(self, statement: str) -> None:
        """One statement that writes or administers; ours, never a client's."""
        try:
            self._owner.query(statement)
        except Exception as error:
            raise StoreQueryError(*_code_and_message(error)) from None

    def close(self) -> None:
        """Ends all connections; inserts and queries must have ended."""
        while not self._readers.empty():
            self._readers.get().close()
        for writer in self._writers.values():
            writer.close()
        self._owner.close()

    def _connect(self) -> Connection:
        return Connection(self._address)

    def _reader(self) -> Connection:
        reader = self._connect()
        reader.query(f"USE {schema.DATABASE}")
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

    def _migrate(self) -> None:
        for statement in schema.bootstrap_statements():
            self._owner.query(statement)
        for migration in schema.pending(self._applied()):
            for statement in migration.statements:
                self._owner.query(statement)
            self._owner.query(schema.applied_statement(migration.version))
            _log.info("telemetry schema migrated", version=migration.version)
        present = self._lines(schema.TABLE_DEFINITIONS_SQL)
        for statement in schema.retention_changes(self._limits.retention_days, present):
            self._owner.query(statement)

    def _applied(self) -> frozenset[int]:
        return frozenset(int(line) for line in self._lines(schema.APPLIED_SQL))

    def _lines(self, sql: str) -> list[str]:
        return bytes(self._owner.query(sql, "TSVRaw").bytes()).decode().splitlines()


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
    """Settings and parameters live on the connection, so they are put back afterwards."""
    for name, value in query.parameters.items():
        reader.query(f"SET param_{name} = {literal(value)}")
    changed: list[str] = []
    try:
        for name, value in query.settings(limits.query_timeout_s).items():
            try:
                reader.query(f"SET {name} = {literal(value)}")
            except Exception as error:
                raise StoreQueryError(*_code_and_message(error)) from None
            changed.append(name)
        if query.database != schema.DATABASE:
            reader.query(f"USE {query.database}")
        yield
    finally:
        for name in changed:
            restored = f"{limits.query_timeout_s}" if name == "max_execution_time" else "DEFAULT"
            reader.query(f"SET {name} = {restored}")
        if query.database != schema.DATABASE:
            reader.query(f"USE {schema.DATABASE}")


def _code_and_message(error: Exception) -> tuple[int, str]:
    message = str(error)
    match = _CODE.search(message)
    return (int(match[1]) if match else 0), message
