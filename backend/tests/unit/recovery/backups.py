"""Backups for tests of decisions: only what decides is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from insightengine.core.lsn import Lsn
from insightengine.recovery.models import Backup, BackupKind, Chunk
from insightengine.recovery.names import new_backup_id

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def backup(
    age_days: float, parent: Backup | None = None, *, timeline: int = 1, keys: str = "age1x"
) -> Backup:
    """Incremental when it has a parent. Its WAL positions grow with its time."""
    at = NOW - timedelta(days=age_days)
    kind = BackupKind.INCREMENTAL if parent else BackupKind.FULL
    position = int((100_000 - age_days) * 1000)
    return Backup(
        id=new_backup_id(kind, at),
        kind=kind,
        parent=parent.id if parent else None,
        cluster="1",
        server_version="18",
        timeline=timeline,
        start=Lsn(position),
        stop=Lsn(position + 10),
        started_at=at,
        ended_at=at,
        plain_bytes=1000,
        stored_bytes=100,
        databases=(),
        recipients=(keys,),
        release=None,
        reason="test",
        chunks=(),
        manifest=Chunk(0, 1, 1, ""),
    )
