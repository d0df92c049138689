"""Reads on a real replica: whenever it follows closely, and on the primary whenever it does not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import URL, func, select
from sqlalchemy.ext.asyncio import create_async_engine

from insightengine.core.errors import InvalidInputError
from insightengine.stores.audit import PostgresAuditLog
from insightengine.stores.migrate import upgrade
from insightengine.stores.reading import Reading
from insightengine.stores.records import AuditRecord
from tests.contracts.postgres_server import (
    ENVIRONMENT,
    PROGRAMS,
    Server,
    private_folder,
    server,
    unprivileged,
)

RECORD = AuditRecord(
    id=0,
    at=datetime(2026, 1, 1, tzinfo=UTC),
    actor="anna@example.org",
    action="users.add",
    object="ben",
    outcome="done",
    request_id=None,
    address=None,
)


@dataclass
class Pair:
    primary: Server
    replica: Server
    log: PostgresAuditLog
    reading: Reading

    async def answering(self) -> int:
        """The port of whoever answers."""
        ((port,),) = await self.reading.rows(select(func.inet_server_port()))
        return int(port)

    async def eventually(self, one: Server, within_s: float = 20) -> None:
        deadline = time.monotonic() + within_s
        while (port := await self.answering()) != one.port:
            assert time.monotonic() < deadline, f"{port} answers, not {one.port}"
            await asyncio.sleep(0.05)


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    with unprivileged(), private_folder() as folder, server(folder) as primary:
        primary.run("CREATE DATABASE insight ENCODING 'UTF8' TEMPLATE template0")
        replica = _copied(primary, folder / "replica")
        replica.start()
        try:
            yield primary, replica
        finally:
            replica.stop(signal.SIGKILL)


def _copied(primary: Server, folder: Path) -> Server:
    command = [PROGRAMS.path("pg_basebackup"), f"--pgdata={folder}", "--write-recovery-conf"]
    command += ["--host=127.0.0.1", f"--port={primary.port}", "--username=insight_admin"]
    command += ["--checkpoint=fast", "--no-sync"]
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return Server(folder)


@pytest.fixture
async def pair(servers: tuple[Server, Server]) -> AsyncIterator[Pair]:
    primary, replica = servers
    await asyncio.to_thread(upgrade, _url(primary))
    engines = [create_async_engine(_url(one), pool_pre_ping=True) for one in servers]
    reading = Reading(*engines)
    found = Pair(primary, replica, PostgresAuditLog(engines[0], reading), reading)
    await found.eventually(replica)
    yield found
    for engine in engines:
        await engine.dispose()


def _url(one: Server) -> URL:
    return URL.create(
        "postgresql+psycopg", "insight_admin", host="127.0.0.1", port=one.port, database="insight"
    )


async def test_what_was_written_on_the_primary_is_read_on_the_replica(pair: Pair) -> None:
    await pair.log.add(RECORD)
    await pair.eventually(pair.replica)
    (found,) = await pair.log.records(None, 10)
    assert (found.actor, found.object) == (RECORD.actor, RECORD.object)
    assert await pair.log.records(found.id, 10) == []
    with pytest.raises(InvalidInputError, match="cannot hold this"):
        await pair.log.records(10**30, 10)


async def test_a_replica_that_stays_behind_is_not_asked_until_it_follows_again(pair: Pair) -> None:
    pair.replica.run("SELECT pg_wal_replay_pause()")
    await pair.log.add(RECORD)
    await pair.eventually(pair.primary)
    assert len(await pair.log.records(None, 10)) == 1
    pair.replica.run("SELECT pg_wal_replay_resume()")
    await pair.eventually(pair.replica)


async def test_a_replica_that_hangs_holds_nobody_up(pair: Pair) -> None:
    processes = _group(pair.replica)
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert await pair.answering() == pair.primary.port
        assert time.monotonic() - began < 10
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
    await pair.eventually(pair.replica)


def _group(one: Server) -> list[int]:
    """The server and all that it has forked: each backend leads a group of its own."""
    assert one.process is not None
    found = [one.process.pid]
    with suppress(FileNotFoundError):
        children = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text()
        found += map(int, children.split())
    return found


@pytest.mark.parametrize("end", ["killed", "promoted"])
async def test_one_that_is_no_replica_any_more_is_not_asked(pair: Pair, end: str) -> None:
    if end == "killed":
        pair.replica.stop(signal.SIGKILL)
    else:
        pair.replica.run("SELECT pg_promote(true, 30)")
    assert await pair.answering() == pair.primary.port
