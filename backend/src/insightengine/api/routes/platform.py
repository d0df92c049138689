"""The state of every process, as the supervisor last wrote it."""

from __future__ import annotations

import asyncio
from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from insightengine.api.access import require
from insightengine.api.dependencies import Used
from insightengine.core.errors import UnavailableError
from insightengine.protection.access import Role
from insightengine.runtimes.port import ProcessState
from insightengine.wiring.serving import status_of

router = APIRouter(
    prefix="/platform", tags=["platform"], dependencies=[Depends(require(Role.VIEWER))]
)


class Overseer(BaseModel):
    pid: int
    since: datetime


class RunningApplication(BaseModel):
    """`release` is the one that serves; null before the first."""

    name: str
    file: str
    release: str | None
    services: list[str]


class Process(BaseModel):
    """`detail` explains every state that is not ready."""

    name: str
    state: ProcessState
    pid: int | None
    since: datetime
    restarts: int
    last_check: datetime | None
    detail: str | None
    ports: list[int]
    labels: dict[str, str]


class PlatformStatus(BaseModel):
    """`stale`: nobody has written it for more than ten seconds, so it may be wrong."""

    version: int
    written_at: datetime
    stale: bool
    supervisor: Overseer
    warden: Overseer | None
    application: RunningApplication | None
    processes: list[Process]


@router.get("")
async def platform_status(used: Used) -> PlatformStatus:
    """Every process: state, since when, restarts, last check, release and colour."""
    status = await asyncio.to_thread(status_of, used.state)
    if status is None:
        raise UnavailableError(
            "the supervisor has not written its status", code="no_status", hint="insight status"
        )
    return PlatformStatus.model_validate(status)
