"""Releases: what serves, what is under way, what can come back; and asking for any of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from insightengine.api.access import Operator, require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.core.errors import NotFoundError
from insightengine.protection.access import Role
from insightengine.release.models import OperationState
from insightengine.stores.journal.port import Entry, Journal, Operation
from insightengine.wiring import releasing
from insightengine.wiring.console import Services
from insightengine.wiring.environment import PlatformContext

router = APIRouter(
    prefix="/releases", tags=["releases"], dependencies=[Depends(require(Role.VIEWER))]
)
_POLL_S = 0.2


class Release(BaseModel):
    """`state` is `serving`, `warm` (kept running for a rollback) or `kept`."""

    id: str
    unit: str
    created_at: datetime
    created_by: str
    message: str
    state: str
    served_since: datetime | None
    label: str
    migrations: list[str]
    artefacts: dict[str, str]


class ReleaseList(BaseModel):
    items: list[Release]


class ReleaseState(BaseModel):
    """What serves now, and until when the previous release can be switched back to."""

    unit: str | None
    serving: str | None
    serving_since: datetime | None
    warm: str | None
    warm_until: datetime | None
    maintenance_by: str | None
    maintenance_since: datetime | None


class ReleaseOperation(BaseModel):
    """One deployment, rollback or clean-up. `held` says what the gates could not decide."""

    id: int
    unit: str
    kind: str
    state: OperationState
    asked_by: str
    asked_at: datetime
    message: str
    release: str | None
    previous: str | None
    started_at: datetime | None
    ended_at: datetime | None
    summary: str
    failure: dict[str, Any] | None
    held: str | None
    cancelled_by: str | None


class ReleaseEntry(BaseModel):
    """A line of the journal. `phase` is intent, done, failed or note."""

    seq: int
    at: datetime
    step: str
    phase: str
    detail: dict[str, Any]


class OperationDetail(BaseModel):
    """`left` are the steps that are still to be done."""

    operation: ReleaseOperation
    entries: list[ReleaseEntry]
    left: list[str]


class OperationList(BaseModel):
    items: list[ReleaseOperation]


class DeploymentRequest(BaseModel):
    message: str = Field("", max_length=500)
    forward_only: bool = Field(False, description="Migrate also when nothing takes it back.")


class RollbackRequest(BaseModel):
    release: str | None = Field(None, max_length=64, description="The previous one otherwise.")


class Decision(BaseModel):
    why: str = Field("", max_length=500)


class Maintenance(BaseModel):
    closed: bool


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


def _context(used: Services) -> PlatformContext:
    return PlatformContext(used.settings, used.state)


async def _journal(used: Services) -> Journal:
    return await asyncio.to_thread(releasing.journal_of, _context(used))


def _shown(operation: Operation) -> ReleaseOperation:
    return ReleaseOperation.model_validate(releasing.shown_operation(operation))


def _entry(entry: Entry) -> ReleaseEntry:
    return ReleaseEntry(
        seq=entry.seq,
        at=entry.at,
        step=entry.step,
        phase=entry.phase.value,
        detail=dict(entry.detail),
    )


@router.get("")
async def list_releases(used: Used) -> ReleaseList:
    """Every release that is kept, the newest first."""
    journal = await _journal(used)
    found = await asyncio.to_thread(releasing.summaries, journal)
    return ReleaseList(items=[Release.model_validate(one, from_attributes=True) for one in found])


@router.get("/state")
async def release_state(used: Used) -> ReleaseState:
    """What serves now, and whether it is closed for maintenance."""
    journal = await _journal(used)
    units = await asyncio.to_thread(journal.units)
    if not units:
        return ReleaseState.model_validate(dict.fromkeys(ReleaseState.model_fields))
    return ReleaseState.model_validate(units[0], from_attributes=True)


@router.get("/operations")
async def list_operations(
    used: Used, limit: int = Query(50, ge=1, le=200), before: int | None = Query(None, ge=1)
) -> OperationList:
    """Deployments, rollbacks and clean-ups, the newest first; `before` is the last id seen."""
    journal = await _journal(used)
    found = await asyncio.to_thread(journal.operations, None, before, limit)
    return OperationList(items=[_shown(one) for one in found])


@router.get("/operations/{operation_id}")
async def operation_detail(operation_id: int, used: Used) -> OperationDetail:
    """One operation with all its steps and what is left to do."""
    journal = await _journal(used)
    operation = await asyncio.to_thread(journal.operation, operation_id)
    entries = await asyncio.to_thread(journal.entries, operation_id)
    left = await asyncio.to_thread(releasing.planned_steps, _context(used), operation)
    return OperationDetail(
        operation=_shown(operation), entries=[_entry(one) for one in entries], left=left
    )


@router.get("/operations/{operation_id}/events", response_class=EventStream)
async def operation_events(
    operation_id: int, used: Used, after: int = Query(0, ge=0)
) -> EventStream:
    """Follows an operation as server-sent events `entry` and `operation`, until it is over."""
    journal = await _journal(used)
    await asyncio.to_thread(journal.operation, operation_id)
    return EventStream(_events(journal, operation_id, after))


async def _events(journal: Journal, operation_id: int, after: int) -> AsyncIterator[str]:
    state = ""
    while True:
        operation = await asyncio.to_thread(journal.operation, operation_id)
        for entry in await asyncio.to_thread(journal.entries, operation_id, after):
            after = entry.seq
            yield f"id: {after}\nevent: entry\ndata: {_entry(entry).model_dump_json()}\n\n"
        if operation.state != state:
            state = operation.state
            yield f"event: operation\ndata: {_shown(operation).model_dump_json()}\n\n"
        if OperationState(state).is_over:
            return
        await asyncio.sleep(_POLL_S)


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
    return _shown(operation)


@router.post("/rollback", status_code=202)
async def rollback(
    asked: RollbackRequest, principal: Operator, request: Request, used: Used
) -> ReleaseOperation:
    """Bring back an earlier release; the previous one when none is named."""
    async with audited(request, used, "release.rollback", asked.release or "(previous)"):
        operation = await asyncio.to_thread(
            releasing.ask_rollback, _context(used), None, asked.release, principal.email
        )
    return _shown(operation)


@router.post("/operations/{operation_id}/approve")
async def approve(
    operation_id: int, asked: Decision, principal: Operator, request: Request, used: Used
) -> ReleaseOperation:
    """Agree to the plan that waits, or keep what the gates could not judge."""
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
        )
    return _shown(await asyncio.to_thread(journal.operation, operation_id))


@router.post("/operations/{operation_id}/cancel")
async def cancel(
    operation_id: int, principal: Operator, request: Request, used: Used
) -> ReleaseOperation:
    """Take a running release back; what served before serves again."""
    async with audited(request, used, "release.cancel", str(operation_id)):
        operation = await asyncio.to_thread(
            releasing.cancel, _context(used), principal.email, operation_id
        )
    return _shown(operation)


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
