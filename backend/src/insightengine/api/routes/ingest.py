"""What comes in: ingest keys, and what was accepted, refused, inserted and set aside."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from insightengine.api.access import require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.protection.access import Role
from insightengine.telemetry.ingest_keys import IngestKey

router = APIRouter(prefix="/telemetry/ingest", tags=["telemetry"])
_VIEWER = [Depends(require(Role.VIEWER))]
_ADMINISTRATOR = [Depends(require(Role.ADMINISTRATOR))]


class ShownKey(BaseModel):
    """Null for a limit means none."""

    id: str
    source: str
    created_at: str
    requests_per_s: float | None
    bytes_per_s: float | None


class KeyRequest(BaseModel):
    source: str = Field(min_length=1, max_length=63)
    requests_per_s: float | None = Field(None, gt=0, description="Requests a second; none: null.")
    bytes_per_s: float | None = Field(None, gt=0, description="Unpacked bytes a second.")


class CreatedKey(BaseModel):
    """`secret` is what a sender gives as `Authorization: Bearer …`; it is not kept."""

    key: ShownKey
    secret: str


class KeyList(BaseModel):
    items: list[ShownKey]


class IngestCounters(BaseModel):
    """Since the start of each process; null for one that does not answer."""

    collector: dict[str, Any] | None
    store: dict[str, Any] | None


def _shown(key: IngestKey) -> ShownKey:
    return ShownKey(
        id=key.id,
        source=key.source,
        created_at=key.created_at,
        requests_per_s=key.requests_per_s,
        bytes_per_s=key.bytes_per_s,
    )


@router.get("", dependencies=_VIEWER)
async def counters(used: Used) -> IngestCounters:
    """What was accepted, rejected, inserted and set aside, by signal, and what waits."""
    collector, store = await used.ingest_counters()
    return IngestCounters(collector=collector, store=store)


@router.get("/keys", dependencies=_ADMINISTRATOR)
async def list_keys(used: Used) -> KeyList:
    """Ingest keys, without their text."""
    keys = await asyncio.to_thread(used.ingest_keys.all)
    return KeyList(items=[_shown(key) for key in keys])


@router.post("/keys", status_code=201, dependencies=_ADMINISTRATOR)
async def create_key(asked: KeyRequest, request: Request, used: Used) -> CreatedKey:
    """Create an ingest key of a source, with its limits."""
    async with audited(request, used, "ingest_key.create", asked.source):
        made = await asyncio.to_thread(
            used.ingest_keys.create, asked.source, asked.requests_per_s, asked.bytes_per_s
        )
    return CreatedKey(key=_shown(made.key), secret=made.text.reveal())


@router.delete("/keys/{key_id}", status_code=204, dependencies=_ADMINISTRATOR)
async def revoke_key(key_id: str, request: Request, used: Used) -> None:
    """Revoke an ingest key; it is refused from the next second on."""
    async with audited(request, used, "ingest_key.revoke", key_id):
        await asyncio.to_thread(used.ingest_keys.revoke, key_id)
