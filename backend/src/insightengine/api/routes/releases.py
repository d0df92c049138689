"""Releases: what serves, what is under way, what can come back; and asking for any of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Depends, Header, Query, Request

from insightengine.api.access import Operator, Viewer, require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.api.events import EventStream, event, followed, resumed_at
from insightengine.api.routes.ranges import Queries
from insightengine.api.routes.release_shapes import (
    Decision,
    DeploymentRequest,
    Maintenance,
    OperationDetail,
    OperationList,
    OperationTraffic,
    Release,
    ReleaseList,
    ReleaseOperation,
    ReleaseState,
    RollbackRequest,
    shown_entry,
    shown_listed,
    shown_story,
)
from insightengine.core.errors import NotFoundError
from insightengine.core.released import Released
from insightengine.protection.access import Role
from insightengine.release.models import OperationState
from insightengine.stores.journal.port import Journal, Operation
from insightengine.wiring import releasing
from insightengine.wiring.console import Services
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.release_history import compared, listed, story

router = APIRouter(
    prefix="/releases", tags=["releases"], dependencies=[Depends(require(Role.VIEWER))]
)
_POLL_S = 0.2


def _context(used: Services) -> PlatformContext:
    return PlatformContext(used.settings, used.state)


async def _journal(used: Services) -> Journal:
    return await asyncio.to_thread(releasing.journal_of, _context(used))


def _shown(journal: Journal, operation: Operation) -> ReleaseOperation:
    return shown_listed(listed(journal, [operation])[0])


@router.get("")
async def list_releases(used: Used, unit: Released = Released.APPLICATION) -> ReleaseList:
    """Every release that is kept, the newest first."""
    journal = await _journal(used)
    found = await asyncio.to_thread(releasing.summaries, journal, unit)
    return ReleaseList(items=[Release.model_validate(one, from_attributes=True) for one in found])


@router.get("/state")
async def release_state(used: Used, unit: Released = Released.APPLICATION) -> ReleaseState:
    """What serves now, and whether it is closed for maintenance."""
    journal = await _journal(used)
    state = await asyncio.to_thread(releasing.state_of, journal, unit)
    if state is None:
        return ReleaseState.model_validate(dict.fromkeys(ReleaseState.model_fields))
    return ReleaseState.model_validate(state, from_attributes=True)


@router.get("/operations")
async def list_operations(
    used: Used,
    limit: int = Query(50, ge=1, le=200),
    before: int | None = Query(None, ge=1),
    unit: Released = Released.APPLICATION,
) -> OperationList:
    """Deployments, rollbacks and clean-ups, the newest first; `before` is the last id seen."""
    journal = await _journal(used)
    found = await asyncio.to_thread(releasing.operations, journal, unit, before, limit)
    lines = await asyncio.to_thread(listed, journal, found)
    return OperationList(items=[shown_listed(one) for one in lines])


@router.get("/operations/{operation_id}")
async def operation_detail(operation_id: int, principal: Viewer, used: Used) -> OperationDetail:
    """One operation with all its steps, how it was judged, and what is left to do."""
    journal = await _journal(used)
    operation = await asyncio.to_thread(journal.operation, operation_id)
    found = await asyncio.to_thread(story, journal, operation, principal.email)
    outlook = await asyncio.to_thread(releasing.outlook, _context(used), operation)
    return shown_story(found, outlook)


@router.get("/operations/{operation_id}/traffic")
async def operation_traffic(operation_id: int, used: Used, queries: Queries) -> OperationTraffic:
    """Errors and latency of the new release beside the one before, around the switch."""
    journal = await _journal(used)
    operation = await asyncio.to_thread(journal.operation, operation_id)
    asked = await asyncio.to_thread(compared, journal, operation)
    if asked is None:
        return OperationTraffic(moved_at=None, step_s=None, releases=[])
    found = await queries.releases(asked.range, asked.releases)
    return OperationTraffic(
        moved_at=asked.moved_at, step_s=found.step_s, releases=list(found.releases)
    )


@router.get("/operations/{operation_id}/events", response_class=EventStream)
async def operation_events(
    operation_id: int,
    used: Used,
    after: int = Query(0, ge=0),
    last_event_id: str | None = Header(None),
) -> EventStream:
    """Follows an operation as server-sent events `entry` and `operation`, until it is over.

    `after` is the number of the last entry seen; a reconnecting browser's Last-Event-ID wins.
    """
    journal = await _journal(used)
    await asyncio.to_thread(journal.operation, operation_id)
    return EventStream(_events(journal, operation_id, resumed_at(last_event_id, after)))


def _events(journal: Journal, operation_id: int, after: int) -> AsyncIterator[str]:
    seen, state = after, ""

    def look() -> tuple[list[str], bool]:
        nonlocal seen, state
        operation = journal.operation(operation_id)
        told = []
        for entry in journal.entries(operation_id, seen):
            seen = entry.seq
            told.append(event("entry", shown_entry(entry), id_=seen))
        if operation.state != state:
            state = operation.state
            told.append(event("operation", _shown(journal, operation)))
        return told, OperationState(state).is_over

    return followed(look, _POLL_S)


@router.post("", status_code=202)
async def deploy(
    asked: DeploymentRequest, principal: Operator, request: Request, used: Used
) -> ReleaseOperation:
    """Release the application as its folder is now; follow the operation by its id."""
    async with audited(request, used, "release.deploy", asked.message or "(no message)"):
        operation = await asyncio.to_thread(
            releasing.ask_redeployment,
            _context(used),
            principal.email,
            asked.message,
            forward_only=asked.forward_only,
        )
    return _shown(await _journal(used), operation)


@router.post("/rollback", status_code=202)
async def rollback(
    asked: RollbackRequest, principal: Operator, request: Request, used: Used
) -> ReleaseOperation:
    """Bring back an earlier release; the previous one when none is named."""
    async with audited(request, used, "release.rollback", asked.release or "(previous)"):
        operation = await asyncio.to_thread(
            releasing.ask_rollback, _context(used), asked.unit, asked.release, principal.email
        )
    return _shown(await _journal(used), operation)


@router.post("/operations/{operation_id}/approve")
async def approve(
    operation_id: int, asked: Decision, principal: Operator, request: Request, used: Used
) -> ReleaseOperation:
    """Agree to the plan that waits, or keep what the gates could not judge.

    `plan` is the one of the operation as it was looked at; another one now is answered by 409.
    """
    async with audited(request, used, "release.approve", str(operation_id)):
        journal = await _journal(used)
        operation = await asyncio.to_thread(journal.operation, operation_id)
        if operation.release is None:
            raise NotFoundError(f"operation {operation_id} does not wait for anybody")
        await asyncio.to_thread(
            releasing.approve,
            _context(used),
            operation.release,
            principal.email,
            asked.why,
            operation_id,
            asked.plan,
        )
    return _shown(journal, await asyncio.to_thread(journal.operation, operation_id))


@router.post("/operations/{operation_id}/cancel")
async def cancel(
    operation_id: int, principal: Operator, request: Request, used: Used
) -> ReleaseOperation:
    """Take a running release back; what served before serves again."""
    async with audited(request, used, "release.cancel", str(operation_id)):
        operation = await asyncio.to_thread(
            releasing.cancel, _context(used), principal.email, operation_id
        )
    return _shown(await _journal(used), operation)


@router.put("/maintenance")
async def set_maintenance(
    asked: Maintenance, principal: Operator, request: Request, used: Used
) -> ReleaseState:
    """Close the application for visitors, or open it again."""
    action = "release.close" if asked.closed else "release.open"
    async with audited(request, used, action, "application"):
        state = await asyncio.to_thread(
            releasing.set_maintenance, _context(used), principal.email, on=asked.closed
        )
    return ReleaseState.model_validate(state, from_attributes=True)
