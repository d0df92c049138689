"""What is known of backups, their checks, WAL and time, in the database of recovery.

Backups, checks and named points are copies of what lies in the repositories and are built again
from there; `moments` (when the WAL was where) and facts are of this machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from insightengine.core.lsn import Lsn
from insightengine.recovery.database import Database
from insightengine.recovery.models import Backup, Check, Coverage, NamedPoint
from insightengine.recovery.moments import Moment

FILE = "recovery.sqlite"
BACKUPS: TypeAdapter[Backup] = TypeAdapter(Backup)
CHECKS: TypeAdapter[Check] = TypeAdapter(Check)
POINTS: TypeAdapter[NamedPoint] = TypeAdapter(NamedPoint)
_COVERAGE: TypeAdapter[list[Coverage]] = TypeAdapter(list[Coverage])

MIGRATIONS = (
    """
    CREATE TABLE operations (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, lane TEXT NOT NULL, state TEXT NOT NULL,
        request TEXT NOT NULL, asked_by TEXT NOT NULL, asked_at TEXT NOT NULL,
        started_at TEXT, ended_at TEXT, step TEXT, progress TEXT, result TEXT, error TEXT,
        hint TEXT, pid INTEGER, ticks INTEGER, attempts INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX operations_by_state ON operations (state);
    CREATE TABLE steps (
        operation TEXT NOT NULL REFERENCES operations (id), step TEXT NOT NULL, at TEXT NOT NULL,
        detail TEXT NOT NULL, PRIMARY KEY (operation, step)
    );
    CREATE TABLE backups (id TEXT PRIMARY KEY, cluster TEXT NOT NULL, body TEXT NOT NULL);
    CREATE TABLE copies (
        backup TEXT NOT NULL REFERENCES backups (id) ON DELETE CASCADE,
        repository TEXT NOT NULL, PRIMARY KEY (backup, repository)
    );
    CREATE TABLE checks (
        backup TEXT NOT NULL REFERENCES backups (id) ON DELETE CASCADE,
        at TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (backup, at)
    );
    CREATE TABLE points (name TEXT PRIMARY KEY, at TEXT NOT NULL, body TEXT NOT NULL);
    CREATE TABLE moments (
        at REAL NOT NULL, timeline INTEGER NOT NULL, lsn INTEGER NOT NULL
    );
    CREATE INDEX moments_by_lsn ON moments (timeline, lsn);
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)
    """,
)


def open_database(folder: Path) -> Database:
    return Database(folder / FILE, MIGRATIONS)


class Catalogue:
    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        self._database.close()

    def add(self, backup: Backup, repositories: Iterable[str]) -> None:
        """Adds a backup, or tells of further copies of it."""
        with self._database.transaction():
            self._database.write(
                "INSERT OR IGNORE INTO backups (id, cluster, body) VALUES (?, ?, ?)",
                (backup.id, backup.cluster, BACKUPS.dump_json(backup).decode()),
            )
            for repository in repositories:
                self._database.write(
                    "INSERT OR IGNORE INTO copies (backup, repository) VALUES (?, ?)",
                    (backup.id, repository),
                )

    def backups(self) -> list[Backup]:
        """All of them, the oldest first by position."""
        rows = self._database.rows("SELECT body FROM backups ORDER BY id")
        found = [BACKUPS.validate_json(body) for (body,) in rows]
        return sorted(found, key=lambda backup: backup.position)

    def copies(self) -> dict[str, frozenset[str]]:
        """The repositories that hold each backup."""
        found: dict[str, set[str]] = {}
        for backup, repository in self._database.rows("SELECT backup, repository FROM copies"):
            found.setdefault(backup, set()).add(repository)
        return {backup: frozenset(repositories) for backup, repositories in found.items()}

    def forget(self, backup: str, repository: str) -> None:
        """A copy is gone; with the last one the backup is."""
        with self._database.transaction():
            self._database.write(
                "DELETE FROM copies WHERE backup = ? AND repository = ?", (backup, repository)
            )
            self._database.write(
                "DELETE FROM backups WHERE id = ? AND id NOT IN (SELECT backup FROM copies)",
                (backup,),
            )

    def add_check(self, check: Check) -> None:
        self._database.write(
            "INSERT OR REPLACE INTO checks (backup, at, body) SELECT id, ?, ? FROM backups "
            "WHERE id = ?",
            (check.at.isoformat(), CHECKS.dump_json(check).decode(), check.backup),
        )

    def checks(self) -> dict[str, list[Check]]:
        """The checks of each backup, the oldest first."""
        found: dict[str, list[Check]] = {}
        for (body,) in self._database.rows("SELECT body FROM checks ORDER BY at"):
            check = CHECKS.validate_json(body)
            found.setdefault(check.backup, []).append(check)
        return found

    def add_point(self, point: NamedPoint) -> None:
        self._database.write(
            "INSERT OR REPLACE INTO points (name, at, body) VALUES (?, ?, ?)",
            (point.name, point.at.isoformat(), POINTS.dump_json(point).decode()),
        )

    def points(self) -> list[NamedPoint]:
        rows = self._database.rows("SELECT body FROM points ORDER BY at")
        return [POINTS.validate_json(body) for (body,) in rows]

    def add_moment(self, moment: Moment) -> None:
        self._database.write(
            "INSERT INTO moments (at, timeline, lsn) VALUES (?, ?, ?)",
            (moment.at.timestamp(), moment.timeline, moment.lsn.value),
        )

    def moments(self, since: datetime | None = None) -> list[Moment]:
        """In the order in which they were noted, also where the clock was set back."""
        rows = self._database.rows(
            "SELECT at, timeline, lsn FROM moments WHERE at >= ? ORDER BY rowid",
            (since.timestamp() if since else 0.0,),
        )
        return [Moment.of(at, timeline, lsn) for at, timeline, lsn in rows]

    def reached_at(self, timeline: int, lsn: Lsn) -> datetime | None:
        """When the server's WAL had come to a position; of one before all notes, the first note."""
        row = self._database.row(
            "SELECT at FROM moments WHERE timeline = ? AND lsn <= ? ORDER BY lsn DESC LIMIT 1",
            (timeline, lsn.value),
        ) or self._database.row(
            "SELECT at FROM moments WHERE timeline = ? ORDER BY lsn LIMIT 1", (timeline,)
        )
        return datetime.fromtimestamp(row[0], UTC) if row else None

    def thin_moments(self, keep: Sequence[Moment], older_than: datetime) -> None:
        """Replaces the older moments by those to keep."""
        with self._database.transaction():
            newer = [m for m in self.moments() if m.at >= older_than]
            self._database.write("DELETE FROM moments")
            for moment in [*keep, *newer]:
                self.add_moment(moment)

    def set_coverage(self, repository: str, coverage: Sequence[Coverage]) -> None:
        self.set_fact(f"coverage {repository}", json.loads(_COVERAGE.dump_json(list(coverage))))

    def coverage(self, repository: str) -> list[Coverage]:
        return _COVERAGE.validate_python(self.fact(f"coverage {repository}") or [])

    def set_fact(self, name: str, value: Any) -> None:
        self._database.write(
            "INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, json.dumps(value))
        )

    def fact(self, name: str) -> Any:
        row = self._database.row("SELECT value FROM facts WHERE name = ?", (name,))
        return json.loads(row[0]) if row else None

    def remove_fact(self, name: str) -> None:
        self._database.write("DELETE FROM facts WHERE name = ?", (name,))

    def clear(self) -> None:
        """Forgets everything that can be built again from the repositories."""
        with self._database.transaction():
            for table in ("copies", "checks", "backups", "points"):
                self._database.write(f"DELETE FROM {table}")  # noqa: S608 -- constants
