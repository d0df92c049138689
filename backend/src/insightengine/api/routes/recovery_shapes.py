"""What the routes of recovery take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from insightengine.recovery.procedures import DrillKind


class Objectives(BaseModel):
    """null means unknown, which is never good. `breached` names `rpo` and `rto`.

    `rto_s` is what the last verification, drill or restore took where `is_rto_measured`;
    `rto_estimate_s` is for today's size. `detail` names what measured it.
    """

    rpo_s: float | None
    rpo_target_s: float | None
    rto_s: float | None
    rto_estimate_s: float | None
    rto_target_s: float | None
    is_rto_measured: bool
    rto_measured_at: datetime | None
    newest_proven: str | None
    breached: list[str]
    detail: str


class WalRange(BaseModel):
    timeline: int
    start: str
    end: str


class WalSpan(WalRange):
    """null is a time that nobody noted."""

    from_at: datetime | None
    until_at: datetime | None


class RepositoryStatus(BaseModel):
    """`problem` is why it cannot be used or has no newer WAL; moments in `gaps` are lost."""

    repository: str
    problem: str | None
    wal_lsn: str | None
    wal_at: datetime | None
    coverage: list[WalRange]
    spans: list[WalSpan]
    gaps: list[WalSpan]


class BackupCheck(BaseModel):
    """`kind`: objects (read and compared) or restore (restored, started and queried)."""

    kind: str
    at: datetime
    passed: bool
    seconds: float
    findings: list[str]


class BackupEntry(BaseModel):
    """`standing`: unverified, verified, restored or damaged; only the middle two count."""

    id: str
    kind: str
    parent: str | None
    started_at: datetime
    ended_at: datetime
    seconds: float
    plain_bytes: int
    stored_bytes: int
    timeline: int
    stop_lsn: str
    standing: str
    repositories: list[str]
    reason: str
    last_check: BackupCheck | None


class RestorableWindow(BaseModel):
    """Every moment in it can be restored to."""

    from_at: datetime
    until_at: datetime
    backup: str


class NamedPoint(BaseModel):
    name: str
    at: datetime
    timeline: int
    lsn: str


class WalReceiver(BaseModel):
    """`role`: backups, replica or other. `lag_bytes` is null while nothing was confirmed."""

    name: str
    role: str
    state: str
    is_synchronous: bool
    lag_bytes: int | None


class Replication(BaseModel):
    problem: str | None
    server_lsn: str | None
    timeline: int | None
    receivers: list[WalReceiver]


class RecoveryProgress(BaseModel):
    text: str
    done_bytes: int
    total_bytes: int | None
    bytes_per_s: float
    left_s: float | None


class RecoveryOperation(BaseModel):
    """`state`: asked, running, done, failed or cancelled."""

    id: str
    kind: str
    state: str
    request: dict[str, Any]
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    step: str | None
    progress: RecoveryProgress | None
    result: dict[str, Any]
    error: str | None
    hint: str | None
    can_be_taken_back: bool


class RecoveryStep(BaseModel):
    step: str
    at: datetime


class RecoveryOperationDetail(RecoveryOperation):
    steps: list[RecoveryStep]


class RecoveryOverview(BaseModel):
    """`replaced_clusters` are those that a restore has replaced and nobody has confirmed yet."""

    now: datetime
    objectives: Objectives
    repositories: list[RepositoryStatus]
    windows: list[RestorableWindow]
    backups: list[BackupEntry]
    points: list[NamedPoint]
    replication: Replication
    operations: list[RecoveryOperation]
    replaced_clusters: list[str]


class DatabaseSize(BaseModel):
    name: str
    bytes: int


class RestorePlan(BaseModel):
    """What a restore would do. `id` names the plan: another moment or backup has another one.

    Everything after `lost_since` is lost; null is a moment that nobody noted.
    """

    id: str
    to: str
    backup: str
    standing: str
    chain: list[str]
    replaces: str
    databases: list[DatabaseSize]
    lost: str
    lost_since: datetime | None
    lost_bytes: int | None
    restore_bytes: int
    wal_bytes: int | None
    estimated_s: float
    is_estimate_measured: bool


class BackupRequest(BaseModel):
    full: bool = Field(False, description="Everything, not only what changed since the last one.")


class VerificationRequest(BaseModel):
    backup: str | None = Field(None, max_length=64, description="The newest one otherwise.")
    restore: bool = Field(False, description="Restore it into a scratch server and read all of it.")


class DrillRequest(BaseModel):
    kind: DrillKind = Field(description="The procedure that is rehearsed.")
    to: str = Field(
        "latest", max_length=128, description="The moment to come back to; not for a failover."
    )


class RestoreRequest(BaseModel):
    to: str = Field(
        max_length=128,
        description="latest, a time with its zone, a WAL position, a backup or a named point.",
    )
    plan: str = Field(max_length=64, description="`id` of the plan that was looked at.")
