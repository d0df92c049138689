"""Which revision the console's database is at, and what a folder has beyond it, without Alembic.

Loading Alembic and SQLAlchemy takes longer than a whole start of PostgreSQL, and nearly every start
finds the newest revision already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg

import insightengine

_NAMED = re.compile(r'^(revision|down_revision)\b[^=\n]*= *"([^"]+)"', re.MULTILINE)


def migrations_folder() -> Path:
    """In an installed package beside the code, in a checkout under backend/."""
    package = Path(insightengine.__file__).parent
    packaged = package / "_migrations"
    return packaged if packaged.is_dir() else package.parents[1] / "migrations"


@dataclass(frozen=True, slots=True)
class Revisions:
    """Those of a folder; `heads` are the ones that none follows."""

    known: frozenset[str]
    heads: frozenset[str]

    def are_ahead_of(self, database: Iterable[str]) -> bool:
        """Whether there is something to run. A database that is at a revision unknown here was
        brought there by a later version: it is left as it is."""
        found = frozenset(database)
        return found != self.heads and found <= self.known


def revisions_in(folder: Path) -> Revisions:
    named: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for path in sorted((folder / "versions").glob("*.py")):
        for what, name in _NAMED.findall(path.read_text(encoding="utf-8")):
            named[what].add(name)
    known = frozenset(named["revision"])
    return Revisions(known, known - named["down_revision"])


def revisions_of(conninfo: str, password: str) -> frozenset[str]:
    """Of a database; none of an empty one. Raises psycopg.Error when it does not answer."""
    with psycopg.connect(conninfo, password=password, connect_timeout=10) as connection:
        (table,) = connection.execute("SELECT to_regclass('alembic_version')").fetchone() or (None,)
        if table is None:
            return frozenset()
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return frozenset(str(row[0]) for row in found)
