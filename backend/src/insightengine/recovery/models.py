"""What recovery talks about: backups, their copies and checks, and targets. Frozen values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from insightengine.core.lsn import Lsn

CHUNK_BYTES = 16 * 1024 * 1024  # of the plain stream; each becomes one object


class BackupKind(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"


class CheckKind(StrEnum):
    """`objects`: manifest compared, sampled objects read. `restore`: restored and queried."""

    OBJECTS = "objects"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One object of a backup. `sha256` (hex) is that of the object as it lies in the store."""

    number: int
    plain_bytes: int
    stored_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TableWitness:
    """Rows of a table at one WAL position, and a checksum over them that ignores their order."""

    database: str
    table: str
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Witness:
    """What chosen tables held exactly at `lsn`, to be compared after a restore to it."""

    lsn: Lsn
    at: datetime
    tables: tuple[TableWitness, ...]


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Backup:
    """A base backup that is whole in at least one repository.

    Restoring it needs its chain (`parent` up to a full one) and the WAL of [start, stop). Times
    are the server's clock and only shown; decisions go by LSN. `recipients` are the public keys
    that can open it.
    """

    id: str
    kind: BackupKind
    parent: str | None
    cluster: str  # PostgreSQL's system identifier
    server_version: str
    timeline: int
    start: Lsn
    stop: Lsn
    started_at: datetime
    ended_at: datetime
    plain_bytes: int
    stored_bytes: int
    databases: tuple[DatabaseSize, ...]
    recipients: tuple[str, ...]
    release: str | None
    reason: str
    chunks: tuple[Chunk, ...]
    manifest: Chunk
    state_chunks: tuple[Chunk, ...] = ()
    witness: Witness | None = None

    @property
    def position(self) -> tuple[int, Lsn]:
        """What backups are ordered by: a clock that was set back gives a later one a lower id."""
        return self.timeline, self.stop

    @property
    def duration(self) -> timedelta:
        return self.ended_at - self.started_at

    @property
    def database_bytes(self) -> int:
        """What a restore has to bring back, apart from WAL."""
        return sum(database.bytes for database in self.databases)


@dataclass(frozen=True, slots=True)
class Check:
    """One verification of one backup. `findings` says what was wrong; empty when it passed."""

    backup: str
    kind: CheckKind
    at: datetime
    passed: bool
    seconds: float
    bytes_read: int
    repository: str
    findings: tuple[str, ...] = ()
    figures: dict[str, float | int | str] = field(default_factory=dict)


class Standing(StrEnum):
    """What a backup is worth. Only `verified` and `restored` count towards an objective."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"  # its objects were read and agree with the manifest
    RESTORED = "restored"  # it was restored, started and queried
    DAMAGED = "damaged"  # the last check found something


def standing_of(checks: Sequence[Check]) -> Standing:
    """By the newest check; a passed restore is remembered over later passed reads."""
    if not checks:
        return Standing.UNVERIFIED
    ordered = sorted(checks, key=lambda check: check.at)
    if not ordered[-1].passed:
        return Standing.DAMAGED
    since = [check for check in ordered if not check.passed]
    newest_failure = since[-1].at if since else None
    valid = [c for c in ordered if newest_failure is None or c.at > newest_failure]
    restored = any(check.kind is CheckKind.RESTORE for check in valid)
    return Standing.RESTORED if restored else Standing.VERIFIED


@dataclass(frozen=True, slots=True)
class NamedPoint:
    """A restore point that was written into the WAL: before a release, or by hand."""

    name: str
    timeline: int
    lsn: Lsn
    at: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """An unbroken stretch of WAL in a repository. Times are those at which it was stored."""

    timeline: int
    start: Lsn
    end: Lsn
    first_at: datetime
    last_at: datetime
