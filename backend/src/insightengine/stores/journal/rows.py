"""Rows of the journal's tables as values, and back."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from insightengine.stores.journal.port import (
    Entry,
    Json,
    Operation,
    Phase,
    StoredRelease,
    UnitState,
)


def operation_of(row: sqlite3.Row) -> Operation:
    values: dict[str, Any] = dict(row)
    for name in ("parameters", "facts", "failure"):
        values[name] = json.loads(values[name]) if values[name] is not None else None
    for name in ("asked_at", "started_at", "ended_at"):
        values[name] = time_of(values[name]) if values[name] else None
    return Operation(**values)


def entry_of(row: sqlite3.Row) -> Entry:
    return Entry(
        row["seq"],
        row["operation"],
        time_of(row["at"]),
        row["step"],
        Phase(row["phase"]),
        json.loads(row["detail"]),
    )


def release_of(row: sqlite3.Row) -> StoredRelease:
    return StoredRelease(
        row["unit"],
        row["id"],
        json.loads(row["content"]),
        json.loads(row["config"]),
        time_of(row["created_at"]),
        row["created_by"],
        row["message"],
    )


def unit_of(row: sqlite3.Row) -> UnitState:
    values: dict[str, Any] = dict(row)
    for name in ("serving_since", "warm_until", "maintenance_since"):
        values[name] = time_of(values[name]) if values[name] else None
    return UnitState(**values)


def json_text(value: Json | None) -> str | None:
    return None if value is None else json.dumps(value)


def time_text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def time_of(text: str) -> datetime:
    return datetime.fromisoformat(text)
