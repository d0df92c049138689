"""Which revision the console's database is at, asked without Alembic.

Loading Alembic and SQLAlchemy takes longer than a whole start of PostgreSQL, and nearly every start
finds the newest revision already.
"""

from __future__ import annotations

import psycopg

NEWEST = "0002"  # of backend/migrations; a test compares


def is_newest(conninfo: str, password: str) -> bool:
    """Raises psycopg.Error when the database does not answer."""
    with psycopg.connect(conninfo, password=password, connect_timeout=10) as connection:
        (table,) = connection.execute("SELECT to_regclass('alembic_version')").fetchone() or (None,)
        if table is None:
            return False
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return found == [(NEWEST,)]
