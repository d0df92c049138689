"""What a backup keeps beside the databases, taken from the running platform and brought back.

releases/journal.sqlite   what was released when, by whom, and why
store/schema.sql          the tables of the telemetry store, as they were
cache/dump.rdb            the cache, where `include` names it: it is declared durable then
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

import httpx
import redis
import structlog

from insightengine.application.backup import Extra
from insightengine.core.errors import UnavailableError
from insightengine.core.settings import PortOffset
from insightengine.stores.journal.port import UnitState
from insightengine.stores.journal.sqlite import SqliteJournal
from insightengine.telemetry.schema import DATABASE, USER
from insightengine.wiring.environment import PlatformContext, read_secret

JOURNAL, SCHEMA, CACHE = "releases/journal.sqlite", "store/schema.sql", "cache/dump.rdb"
_SAVE_LIMIT_S = 120.0
_LEASE_S = 30.0
_TIMEOUT_S = 20.0
_OVER = "cancelled"
_log = structlog.get_logger("backups")


def gather(context: PlatformContext, include: Collection[Extra], folder: Path) -> None:
    """Raises UnavailableError when the cache was to be kept and cannot be."""
    for name in (JOURNAL, SCHEMA, CACHE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    _copy_journal(context.state.releases / "journal.sqlite", folder / JOURNAL)
    _write_schema(context, folder / SCHEMA)
    if Extra.CACHE in include:
        _dump_cache(context, folder / CACHE)


def bring_back(context: PlatformContext, folder: Path) -> None:
    """Into the state folder of a platform that does not run yet. Idempotent."""
    _place_journal(folder / JOURNAL, context.state.releases / "journal.sqlite")
    _place_cache(folder / CACHE, context.state.valkey)


def _copy_journal(source: Path, target: Path) -> None:
    """A consistent copy while others write; none where nothing was released yet."""
    if not source.exists():
        return
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        live.backup(copy)


def _place_journal(source: Path, target: Path) -> None:
    """The history is kept. What served on the lost machine does not run here, and what was under
    way there is over: both are told to the journal before a releaser reads it."""
    if not source.exists() or target.exists():
        return
    unfinished = target.with_name("journal.arriving")
    copyfile(source, unfinished)
    journal = SqliteJournal(unfinished)
    try:
        for state in journal.units():
            journal.remember(UnitState(state.unit))
            journal.maintain(state.unit, None, None)
        for operation in journal.active():
            lease = journal.take(operation.unit, _LEASE_S)
            if lease is not None:
                over = replace(operation, state=_OVER, ended_at=datetime.now(UTC))
                journal.update(lease, over)
                journal.give_back(lease)
    finally:
        journal.close()
    unfinished.replace(target)


def _write_schema(context: PlatformContext, target: Path) -> None:
    """For a reader without InsightEngine; the store makes its tables by itself. A store that does
    not answer costs this file and not the backup."""
    url = f"http://{context.settings.store_host}:{context.settings.port(PortOffset.STORE)}/"
    query = (
        "SELECT concat(create_table_query, ';\\n') FROM system.tables "
        "WHERE database = {database:String} ORDER BY name FORMAT TSVRaw"
    )
    try:
        password = read_secret(context.state, "store_password").reveal()
        answer = httpx.post(
            url,
            params={"param_database": DATABASE},
            content=query,
            auth=(USER, password),
            timeout=_TIMEOUT_S,
        )
        target.write_text(answer.raise_for_status().text, encoding="utf-8")
    except (httpx.HTTPError, UnavailableError) as error:
        _log.warning("the schema of the store is not in the backup", reason=str(error))


def _dump_cache(context: PlatformContext, target: Path) -> None:
    try:
        with redis.Redis(
            host=context.settings.valkey_host,
            port=context.settings.port(PortOffset.VALKEY),
            password=read_secret(context.state, "valkey_password").reveal(),
            socket_timeout=_TIMEOUT_S,
        ) as client:
            client.bgsave()
            _wait_until_saved(client)
        copyfile(context.state.valkey / "dump.rdb", target)
    except (redis.RedisError, OSError) as error:
        raise UnavailableError(
            f"the cache cannot be kept: {error}",
            hint="insight status; or take `cache` out of x-insight.backup.include",
        ) from None


def _wait_until_saved(client: redis.Redis) -> None:
    deadline = time.monotonic() + _SAVE_LIMIT_S
    while True:
        found = client.info("persistence")
        if not found["rdb_bgsave_in_progress"]:
            break
        if time.monotonic() > deadline:
            raise UnavailableError(f"the cache was not saved within {_SAVE_LIMIT_S:g} s")
        time.sleep(0.1)
    if found["rdb_last_bgsave_status"] != "ok":
        raise UnavailableError("the cache could not be saved", hint="insight logs valkey")


def _place_cache(source: Path, folder: Path) -> None:
    """As the base of an append-only file: a server that has one reads no other dump."""
    own = folder / "appendonlydir"
    if not source.exists() or own.exists():
        return
    arriving = folder / "arriving"
    arriving.mkdir(exist_ok=True)
    copyfile(source, arriving / "appendonly.aof.1.base.rdb")
    manifest = "file appendonly.aof.1.base.rdb seq 1 type b\n"
    (arriving / "appendonly.aof.manifest").write_text(manifest, encoding="utf-8")
    with suppress(FileNotFoundError):
        arriving.replace(own)
