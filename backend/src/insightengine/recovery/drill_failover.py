"""A failover on a pair of scratch servers: load, a kill, fencing, promotion, and the way back."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from insightengine.core.errors import ConflictError, InsightError, UnavailableError
from insightengine.recovery.failover import PRIMARY_AWAY_S
from insightengine.recovery.house import House, Outcome
from insightengine.recovery.restore import extract_into, plan_restore, replay
from insightengine.recovery.scratch import Scratch, ScratchServer, running
from insightengine.stores.server import PostgresServer, ServerAddress

_SLOT = "insight_drill"
_TABLE = "insight_drill_commits"
_CLIENTS = 4
_COMMITS = 400
_LIMIT_S = 180.0  # a busy machine proves the procedure, too
_ENVIRONMENT: Mapping[str, str] = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
Stages = Callable[[str], AbstractContextManager[None]]


@dataclass
class Load:
    """Commits one number after the other; `acknowledged` maps each to when it was confirmed."""

    address: ServerAddress
    acknowledged: dict[int, float] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[Load]:
        with PostgresServer(self.address) as server:
            server.query(f"CREATE TABLE {_TABLE} (number bigint)")
        clients = [threading.Thread(target=self._commit, args=(one,)) for one in range(_CLIENTS)]
        for client in clients:
            client.start()
        try:
            yield self
        finally:
            self._stop.set()
            for client in clients:
                client.join()

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + _LIMIT_S
        while len(self.acknowledged) < count:
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"{len(self.acknowledged)} transactions were acknowledged within "
                    f"{_LIMIT_S:g} s, wanted are {count}"
                )
            time.sleep(0.01)

    def _commit(self, client: int) -> None:
        """Until the server is gone: a client that reconnects would find the new one."""
        number = client
        with PostgresServer(self.address) as server:
            while not self._stop.is_set():
                try:
                    # A number, never a text from outside.
                    server.query(f"INSERT INTO {_TABLE} VALUES ({number})")  # noqa: S608
                except InsightError:
                    return
                self.acknowledged[number] = time.monotonic()
                number += _CLIENTS

    def missing(self, server: PostgresServer) -> list[float]:
        """When each acknowledged transaction was confirmed that the server does not have."""
        present = {number for (number,) in server.query(f"SELECT number FROM {_TABLE}")}  # noqa: S608
        return sorted(at for number, at in self.acknowledged.items() if number not in present)


def rehearse_failover(house: House, operation: str, stage: Stages, folder: Path) -> Outcome:
    pair = _Pair(house, folder)
    with ExitStack() as stack:
        with stage("primary"):
            plan = plan_restore(house, "latest")
            extract_into(house, operation, plan, pair.primary)
            replay(house, operation, plan.target, folder)
            first = stack.enter_context(pair.server(pair.primary))
        with stage("replica"):
            pair.copy(first.address)
            second = stack.enter_context(pair.standby(pair.replica, first.address))
            wait_until_streaming(first)
        load = Load(first.address)
        with load.running():
            with stage("load"):
                load.wait_for(_COMMITS)
            with stage("kill"):
                first.kill()
                killed_at = time.monotonic()
            with stage("notice"):
                _wait_until_noticed(first)
        with stage("fence"):
            pair.exchange(first, second)
        with stage("promote"):
            third = stack.enter_context(pair.server(pair.primary))
            _promote(third)
        writable_s = time.monotonic() - killed_at
        with stage("compare"), third.connect() as server:
            missing = load.missing(server)
        with stage("rejoin"):
            _rejoin(house, pair, third, stack)
    return _outcome(load, missing, killed_at, writable_s)


def _outcome(load: Load, missing: list[float], killed_at: float, writable_s: float) -> Outcome:
    figures: dict[str, float | int | str] = {
        "transactions acknowledged": len(load.acknowledged),
        "transactions lost": len(missing),
        "milliseconds of work lost": round((killed_at - missing[0]) * 1000, 1) if missing else 0,
        "seconds from kill to writable": round(writable_s, 2),
        "the old primary came back by": "pg_rewind",
    }
    remark = (
        "The replica follows asynchronously: what was acknowledged and not yet sent when the "
        "primary was killed is lost. A planned switch (insight failover) refuses to lose any."
    )
    return Outcome(figures, (), (remark,))


class _Pair:
    """Two folders as the platform has them: the primary's, and the replica's that follows."""

    def __init__(self, house: House, folder: Path) -> None:
        self._house, self._folder = house, folder
        self.primary, self.replica = folder / "cluster", folder / "replica"
        self.former = folder / "former"

    def server(self, cluster: Path, **settings: str) -> AbstractContextManager[ScratchServer]:
        log = self._folder / f"{cluster.name}.log"
        own = {"shared_buffers": "32MB", "wal_retrieve_retry_interval": "200ms", **settings}
        return running(
            Scratch(self._house.programs, cluster, log, _ENVIRONMENT, own, keeps_data=True)
        )

    @contextmanager
    def standby(self, cluster: Path, source: ServerAddress) -> Iterator[ScratchServer]:
        (cluster / "standby.signal").touch()
        connection = f"{source.words} application_name={_SLOT}"
        with self.server(cluster, primary_conninfo=connection, primary_slot_name=_SLOT) as server:
            yield server

    def copy(self, source: ServerAddress) -> None:
        with PostgresServer(source) as primary:
            wait_until_answering(primary)
            primary.ensure_slot(_SLOT)
        argv = self._house.programs.copy_for_replica(self.replica, source, _SLOT)
        _run("the primary could not be copied", argv)

    def exchange(self, first: ScratchServer, second: ScratchServer) -> None:
        """The replica's folder takes the place of the primary's, where nothing runs any more."""
        if first.is_running:
            raise ConflictError("the old primary still runs; two would write one timeline")
        second.stop()
        self.primary.rename(self.former)
        self.replica.rename(self.primary)


def wait_until_answering(server: PostgresServer) -> None:
    deadline = time.monotonic() + _LIMIT_S
    while True:
        try:
            server.query("SELECT 1")
        except UnavailableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def wait_until_streaming(primary: ScratchServer) -> None:
    deadline = time.monotonic() + _LIMIT_S
    with primary.connect() as server:
        while not any(one.state == "streaming" for one in server.receivers()):
            if time.monotonic() > deadline:
                raise UnavailableError(f"no replica follows within {_LIMIT_S:g} s")
            time.sleep(0.05)


def _wait_until_noticed(primary: ScratchServer) -> None:
    """As the worker does: so long without an answer that it will not come back by itself."""
    seen_at = time.monotonic()
    while time.monotonic() - seen_at < PRIMARY_AWAY_S:
        try:
            with primary.connect() as server:
                server.query("SELECT 1")
            seen_at = time.monotonic()
        except UnavailableError:
            time.sleep(0.1)


def _promote(server: ScratchServer) -> None:
    with server.connect() as connection:
        wait_until_answering(connection)
        connection.query("SELECT pg_promote(true, 60)")
        connection.create_restore_point("insight drill")


def _rejoin(house: House, pair: _Pair, primary: ScratchServer, stack: ExitStack) -> None:
    with primary.connect() as server:
        server.ensure_slot(_SLOT)
    argv = house.programs.rewind(pair.former, primary.address)
    _run("the old primary could not be rewound", argv)
    (pair.former / "postgresql.auto.conf").write_text("", encoding="utf-8")
    stack.enter_context(pair.standby(pair.former, primary.address))
    wait_until_streaming(primary)


def _run(what: str, argv: tuple[str, ...]) -> None:
    done = subprocess.run(argv, env=dict(_ENVIRONMENT), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ConflictError(f"{what}: {done.stderr.strip()[-400:]}")
