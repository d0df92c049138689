"""Tables of the journal, as versioned migrations. Times are ISO 8601 in UTC, content is JSON."""

from __future__ import annotations

from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE operations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        unit TEXT NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        asked_by TEXT NOT NULL,
        asked_at TEXT NOT NULL,
        message TEXT NOT NULL,
        parameters TEXT NOT NULL,
        release TEXT,
        previous TEXT,
        facts TEXT,
        started_at TEXT,
        ended_at TEXT,
        summary TEXT NOT NULL DEFAULT '',
        failure TEXT,
        held TEXT,
        cancelled_by TEXT
    ) STRICT;
    -- Two operations of one unit cannot be under way, whoever asks at the same moment.
    CREATE UNIQUE INDEX one_at_a_time ON operations (unit)
        WHERE state IN ('queued', 'running', 'waiting', 'held');
    CREATE INDEX by_unit ON operations (unit, id);
    CREATE TABLE entries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        operation INTEGER NOT NULL REFERENCES operations (id),
        at TEXT NOT NULL,
        step TEXT NOT NULL,
        phase TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE INDEX of_operation ON entries (operation, seq);
    CREATE TABLE agreements (
        operation INTEGER NOT NULL REFERENCES operations (id),
        plan TEXT NOT NULL,
        by_whom TEXT NOT NULL,
        at TEXT NOT NULL,
        why TEXT NOT NULL,
        PRIMARY KEY (operation, plan, by_whom)
    ) STRICT;
    CREATE TABLE releases (
        unit TEXT NOT NULL,
        id TEXT NOT NULL,
        content TEXT NOT NULL,
        config TEXT NOT NULL,
        created_at TEXT NOT NULL,
        created_by TEXT NOT NULL,
        message TEXT NOT NULL,
        PRIMARY KEY (unit, id)
    ) STRICT;
    CREATE TABLE units (
        unit TEXT PRIMARY KEY,
        serving TEXT,
        serving_since TEXT,
        warm TEXT,
        warm_until TEXT,
        maintenance_by TEXT,
        maintenance_since TEXT,
        maintenance_text TEXT NOT NULL
    ) STRICT;
    CREATE TABLE served (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        unit TEXT NOT NULL,
        release TEXT NOT NULL,
        since TEXT NOT NULL
    ) STRICT;
    CREATE TABLE leases (
        unit TEXT PRIMARY KEY,
        epoch INTEGER NOT NULL,
        holder TEXT NOT NULL,
        expires_at REAL NOT NULL
    ) STRICT;
    """,
)
