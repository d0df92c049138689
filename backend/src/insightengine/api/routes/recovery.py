"""What would be lost now, how long a restore takes, and every backup with what it is worth."""

from __future__ import annotations

import asyncio
from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from insightengine.api.access import require
from insightengine.api.dependencies import Used
from insightengine.protection.access import Role
from insightengine.wiring.recovery_verbs import recovery_overview

router = APIRouter(
    prefix="/recovery", tags=["recovery"], dependencies=[Depends(require(Role.VIEWER))]
)


class Objectives(BaseModel):
    """null means unknown, which is never good. `breached` names `rpo` and `rto`.

    `rto_s` is what the last drill or restore took where `is_rto_measured`; `rto_estimate_s` is for
    today's size.
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


class RepositoryStatus(BaseModel):
    """`problem` is why it cannot be used or has no newer WAL."""

    repository: str
    problem: str | None
    wal_lsn: str | None
    wal_at: datetime | None
    coverage: list[WalRange]


class BackupEntry(BaseModel):
    """`standing`: unverified, verified, restored or damaged; only the middle two count."""

    id: str
    kind: str
    parent: str | None
    started_at: datetime
    seconds: float
    plain_bytes: int
    stored_bytes: int
    timeline: int
    stop_lsn: str
    standing: str
    repositories: list[str]
    reason: str


class RecoveryOverview(BaseModel):
    objectives: Objectives
    repositories: list[RepositoryStatus]
    backups: list[BackupEntry]


@router.get("")
async def recovery_status(used: Used) -> RecoveryOverview:
    """Objectives, repositories with the WAL that they hold, and backups, the newest first."""
    found = await asyncio.to_thread(recovery_overview, used.settings, used.state)
    return RecoveryOverview.model_validate(found)
