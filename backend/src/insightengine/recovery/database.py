"""The SQLite file of recovery: what it may do while PostgreSQL, which it restores, is away.

Several processes use it at once (CLI, API, worker, operations), each through its own connection;
one process's threads share one. Every change is one transaction, durable when it returns.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from insightengine.core.errors import InsightError, LimitExceededError, UnavailableError

Row = Sequence[Any]
_BUSY_S = 15.0


class Database:
    """One file, brought up to the newest of `migrations` when it is opened."""

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self._path = path
        self._lock = threading.RLock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.Error as error:
            raise self._told(error) from error
        self._migrate(migrations)
        self._hand_over()

    def _hand_over(self) -> None:
        """A file that root has created belongs to whom the folder does; SQLite does the rest."""
        owner = self._path.parent.stat()
        if os.geteuid() == 0 and self._path.stat().st_uid != owner.st_uid:
            for path in self._path.parent.glob(f"{self._path.name}*"):
                os.chown(path, owner.st_uid, owner.st_gid)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def rows(self, sql: str, values: Iterable[Any] = ()) -> list[Row]:
        with self._lock, self._answering():
            return self._connection.execute(sql, tuple(values)).fetchall()

    def row(self, sql: str, values: Iterable[Any] = ()) -> Row | None:
        found = self.rows(sql, values)
        return found[0] if found else None

    def write(self, sql: str, values: Iterable[Any] = ()) -> int:
        """One statement as a transaction of its own; how many rows it changed."""
        with self._lock, self._answering():
            return self._connection.execute(sql, tuple(values)).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else writes inside the block; it is undone when the block raises."""
        with self._lock, self._answering():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _migrate(self, migrations: Sequence[str]) -> None:
        (found,) = self.row("PRAGMA user_version") or (0,)
        if found >= len(migrations):
            return
        with self.transaction():
            (found,) = self.row("PRAGMA user_version") or (0,)
            for number, script in enumerate(migrations[found:], start=found + 1):
                for statement in filter(str.strip, script.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._told(error) from error

    def _told(self, error: sqlite3.Error) -> InsightError:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            return LimitExceededError(
                f"{self._path} cannot be written: the disk is full",
                code="disk_full",
                hint=f"free some space in {self._path.parent}",
            )
        return UnavailableError(
            f"{self._path} cannot be used: {error}",
            code="catalogue_unavailable",
            hint=f"look at disk and owner of {self._path.parent}; should it be damaged, move it "
            "away: insight backup list builds a new one from the repositories",
        )
