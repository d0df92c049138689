"""What PostgreSQL and Valkey say of themselves. Names follow OpenTelemetry's receivers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import psycopg
from psycopg.rows import dict_row
from redis import Redis
from redis.exceptions import RedisError

from insightengine.core.secrets import Secret
from insightengine.telemetry.sources.records import Attributes, Kind, Measured, Sample

_DATABASES = """
SELECT datname, numbackends, xact_commit, xact_rollback, blks_read, blks_hit, deadlocks,
       pg_database_size(datname) AS size
FROM pg_stat_database WHERE datname IS NOT NULL AND NOT datname LIKE 'template%'
"""
_COUNTERS = {
    "xact_commit": ("postgresql.commits", "{transaction}"),
    "xact_rollback": ("postgresql.rollbacks", "{transaction}"),
    "blks_read": ("postgresql.blocks_read", "{block}"),
    "blks_hit": ("postgresql.blocks_hit", "{block}"),
    "deadlocks": ("postgresql.deadlocks", "{deadlock}"),
}
_VALKEY = {
    "connected_clients": ("redis.clients.connected", "{client}", Kind.GAUGE),
    "used_memory": ("redis.memory.used", "By", Kind.GAUGE),
    "keyspace_hits": ("redis.keyspace.hits", "{hit}", Kind.COUNTER),
    "keyspace_misses": ("redis.keyspace.misses", "{miss}", Kind.COUNTER),
    "evicted_keys": ("redis.keys.evicted", "{key}", Kind.COUNTER),
    "total_commands_processed": ("redis.commands.processed", "{command}", Kind.COUNTER),
}


class ServerUnreachableError(Exception):
    """It did not answer; the text says how."""


def measure_postgres(host: str, port: int, password: Secret) -> Measured:
    """Per database. Raises ServerUnreachableError."""
    try:
        with psycopg.connect(
            host=host,
            port=port,
            user="insight",
            dbname="insight",
            password=password.reveal(),
            connect_timeout=2,
            application_name="insight-collector",
            row_factory=dict_row,
        ) as connection:
            rows = connection.execute(_DATABASES).fetchall()
    except psycopg.Error as error:
        raise ServerUnreachableError(str(error).splitlines()[0]) from error
    samples = [sample for row in rows for sample in _of_database(row)]
    return Measured({"service.name": "postgres"}, time.time_ns(), samples)


def _of_database(row: Mapping[str, int | str]) -> Iterator[Sample]:
    named: Attributes = {"postgresql.database.name": str(row["datname"])}
    yield Sample("postgresql.backends", "1", Kind.GAUGE, int(row["numbackends"]), named)
    yield Sample("postgresql.db_size", "By", Kind.GAUGE, int(row["size"]), named)
    for column, (name, unit) in _COUNTERS.items():
        yield Sample(name, unit, Kind.COUNTER, int(row[column]), named)


def measure_valkey(host: str, port: int, password: Secret) -> Measured:
    """Raises ServerUnreachableError."""
    try:
        with Redis(
            host=host, port=port, password=password.reveal(), socket_timeout=2.0
        ) as connection:
            found = connection.info()
    except (RedisError, OSError) as error:
        raise ServerUnreachableError(str(error)) from error
    samples = [
        Sample(name, unit, kind, int(found[key]))
        for key, (name, unit, kind) in _VALKEY.items()
        if key in found
    ]
    return Measured({"service.name": "valkey"}, time.time_ns(), samples)
