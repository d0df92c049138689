"""A load that remembers every commit that was acknowledged, to be compared with what came back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

TABLE = "acknowledged_commits"


@dataclass
class Commits:
    """`acknowledged` holds (client, number) of each commit that the server confirmed."""

    conninfo: str
    clients: int = 4
    acknowledged: set[tuple[int, int]] = field(default_factory=set)
    last_at: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def create(self) -> None:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {TABLE}".encode())
            connection.execute(f"CREATE TABLE {TABLE} (client int, number int)".encode())

    def present(self) -> set[tuple[int, int]]:
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            rows = connection.execute(f"SELECT client, number FROM {TABLE}".encode()).fetchall()
        return {(int(client), int(number)) for client, number in rows}

    def lost(self) -> int:
        return len(self.acknowledged - self.present())

    def _commit(self, client: int) -> None:
        number = 0
        while not self.stop.is_set():
            try:
                with psycopg.connect(self.conninfo, autocommit=True) as connection:
                    while not self.stop.is_set():
                        number += 1
                        statement = f"INSERT INTO {TABLE} VALUES ({client}, {number})"
                        connection.execute(statement.encode())
                        self.acknowledged.add((client, number))
                        self.last_at = time.monotonic()
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
