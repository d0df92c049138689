"""A load that remembers every commit that was acknowledged, to be compared with what came back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

TABLE = "acknowledged_commits"
ACCOUNTS = "accounts_of_commits"


@dataclass
class Commits:
    """`acknowledged` maps (client, number) of each commit that the server confirmed to when.

    As in pgbench, one transaction changes a balance and adds to a history: where only one of both
    came back, the transaction was torn. Times are of `time.monotonic`.
    """

    conninfo: str
    clients: int = 4
    acknowledged: dict[tuple[int, int], float] = field(default_factory=dict)
    last_at: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    _numbers: dict[int, int] = field(default_factory=dict)

    def create(self) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {TABLE}, {ACCOUNTS}".encode())
            connection.execute(f"CREATE TABLE {TABLE} (client int, number int)".encode())
            connection.execute(f"CREATE TABLE {ACCOUNTS} (client int PRIMARY KEY, n int)".encode())
            clients = f"SELECT c, 0 FROM generate_series(0, {self.clients - 1}) c"
            connection.execute(f"INSERT INTO {ACCOUNTS} {clients}".encode())

    def present(self) -> set[tuple[int, int]]:
        return {(client, number) for client, number in self._rows(f"SELECT * FROM {TABLE}")}

    def lost(self) -> int:
        return len(self.lost_commits())

    def lost_commits(self) -> set[tuple[int, int]]:
        acknowledged = set(self.acknowledged)  # before it is looked: more follow meanwhile
        return acknowledged - self.present()

    def torn(self) -> int:
        """Clients whose balance is not the number of their transactions in the history."""
        found = self._rows(
            f"SELECT client FROM {ACCOUNTS} a "
            f"WHERE n <> (SELECT count(*) FROM {TABLE} t WHERE t.client = a.client)"
        )
        return len(found)

    def _rows(self, statement: str) -> list[tuple[int, ...]]:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def _commit(self, client: int) -> None:
        number = self._numbers.get(client, 0)
        while not self.stop.is_set():
            try:
                with psycopg.connect(self.conninfo, autocommit=True) as connection:
                    while not self.stop.is_set():
                        self._numbers[client] = number = number + 1
                        connection.execute(_transaction(client, number))
                        self.last_at = time.monotonic()
                        self.acknowledged[client, number] = self.last_at
            except psycopg.Error:
                time.sleep(0.02)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Clients commit as fast as they can, and reconnect, until the block ends."""
        self.stop.clear()
        threads = [
            threading.Thread(target=self._commit, args=(number,)) for number in range(self.clients)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def wait_for(self, count: int, limit_s: float = 60) -> None:
        """Returns when that many more commits were acknowledged."""
        wanted = len(self.acknowledged) + count
        deadline = time.monotonic() + limit_s
        while len(self.acknowledged) < wanted:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{len(self.acknowledged)} commits within {limit_s} s, wanted {wanted}"
                )
            time.sleep(0.01)


def _transaction(client: int, number: int) -> bytes:
    """One statement, so one round trip and one commit."""
    return (
        f"WITH moved AS (UPDATE {ACCOUNTS} SET n = n + 1 WHERE client = {client}) "
        f"INSERT INTO {TABLE} VALUES ({client}, {number})"
    ).encode()
