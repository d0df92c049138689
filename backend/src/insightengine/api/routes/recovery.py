"""What would be lost now, how long a restore takes, every backup with what it is worth; and asking
for a backup, its verification, or a restore."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, Query, Request

from insightengine.api.access import Administrator, Operator, require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.api.events import EventStream, event, followed
from insightengine.api.routes.recovery_shapes import (
    BackupRequest,
    DrillRequest,
    RecoveryOperation,
    RecoveryOperationDetail,
    RecoveryOverview,
    RestorePlan,
    RestoreRequest,
    VerificationRequest,
)
from insightengine.protection.access import Role
from insightengine.wiring import recovery_view
from insightengine.wiring.console import Services
from insightengine.wiring.environment import PlatformContext

router = APIRouter(
    prefix="/recovery", tags=["recovery"], dependencies=[Depends(require(Role.VIEWER))]
)
_POLL_S = 0.3
_OVER = ("done", "failed", "cancelled")


def _context(used: Services) -> PlatformContext:
    return PlatformContext(used.settings, used.state)


@router.get("")
async def recovery_status(used: Used) -> RecoveryOverview:
    """Objectives, repositories with the WAL that they hold, backups, and what was done of late."""
    found = await asyncio.to_thread(recovery_view.overview, _context(used))
    return RecoveryOverview.model_validate(found, from_attributes=True)


@router.get("/plan")
async def restore_plan(used: Used, to: str = Query("latest", max_length=128)) -> RestorePlan:
    """What a restore to `to` would replace and lose, and how long it would take. Does nothing."""
    found = await asyncio.to_thread(recovery_view.planned, _context(used), to)
    return RestorePlan.model_validate(found)


@router.get("/operations/{operation_id}")
async def operation_detail(operation_id: str, used: Used) -> RecoveryOperationDetail:
    """One operation with the steps that it has reached."""
    found = await asyncio.to_thread(recovery_view.find_operation, _context(used), operation_id)
    return RecoveryOperationDetail.model_validate(found)


@router.get("/operations/{operation_id}/events", response_class=EventStream)
async def operation_events(operation_id: str, used: Used) -> EventStream:
    """Follows an operation as server-sent events `operation`, until it is over."""
    context = _context(used)
    await asyncio.to_thread(recovery_view.find_operation, context, operation_id)
    return EventStream(_events(context, operation_id))


async def _events(context: PlatformContext, operation_id: str) -> AsyncIterator[str]:
    with recovery_view.opened(context) as house:
        changes = recovery_view.follow(house, operation_id)

        def look() -> tuple[list[str], bool]:
            found = next(changes)
            if found is None:
                return [], False
            told = event("operation", RecoveryOperationDetail.model_validate(found))
            return [told], found["state"] in _OVER

        async for one in followed(look, _POLL_S):
            yield one


@router.post("/backups", status_code=202)
async def create_backup(
    asked: BackupRequest, principal: Operator, request: Request, used: Used
) -> RecoveryOperation:
    """Take a backup now; follow the operation by its id."""
    async with audited(request, used, "recovery.backup", "full" if asked.full else "incremental"):
        found = await asyncio.to_thread(
            recovery_view.ask_backup, _context(used), principal.email, full=asked.full
        )
    return RecoveryOperation.model_validate(found)


@router.post("/verifications", status_code=202)
async def verify_backup(
    asked: VerificationRequest, principal: Operator, request: Request, used: Used
) -> RecoveryOperation:
    """Prove a backup: its objects against its manifest, or by a whole restore beside."""
    async with audited(request, used, "recovery.verify", asked.backup or "(newest)"):
        found = await asyncio.to_thread(
            recovery_view.ask_verification,
            _context(used),
            asked.backup,
            principal.email,
            restore=asked.restore,
        )
    return RecoveryOperation.model_validate(found)


@router.post("/drills", status_code=202)
async def drill(
    asked: DrillRequest, principal: Operator, request: Request, used: Used
) -> RecoveryOperation:
    """Rehearse a procedure on a scratch copy; nothing of the platform is replaced.

    `lose-host` starts the application a second time, with its real data: what it sends by itself
    it may send twice. It is done with the machine's own key; a recovery key is proven by
    `insight drill lose-host --key`.
    """
    async with audited(request, used, "recovery.drill", asked.kind.value):
        found = await asyncio.to_thread(
            recovery_view.ask_drill, _context(used), asked.kind, asked.to, principal.email
        )
    return RecoveryOperation.model_validate(found)


@router.post("/restores", status_code=202)
async def restore(
    asked: RestoreRequest, principal: Administrator, request: Request, used: Used
) -> RecoveryOperation:
    """Bring all databases back to a moment, by the plan that was looked at.

    The cluster that it replaces is kept. What the audit log says of it may be lost with the rest;
    the journal of recovery, which is not in the database, keeps who asked.
    """
    async with audited(request, used, "recovery.restore", asked.to):
        found = await asyncio.to_thread(
            recovery_view.ask_restore, _context(used), asked.to, asked.plan, principal.email
        )
    return RecoveryOperation.model_validate(found)


@router.post("/operations/{operation_id}/cancel")
async def cancel(
    operation_id: str, _principal: Operator, request: Request, used: Used
) -> RecoveryOperation:
    """Take back what was asked for, or runs; not a restore, failover or pruning that has begun."""
    async with audited(request, used, "recovery.cancel", operation_id):
        found = await asyncio.to_thread(
            recovery_view.cancel_operation, _context(used), operation_id
        )
    return RecoveryOperation.model_validate(found)
