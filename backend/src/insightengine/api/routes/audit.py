"""The audit log, for administrators."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from insightengine.api.access import require
from insightengine.api.dependencies import Used
from insightengine.api.pages import Cursor, Limit, cut_page, decode_cursor
from insightengine.core.errors import InvalidInputError
from insightengine.protection.access import Role

router = APIRouter(
    prefix="/audit", tags=["audit"], dependencies=[Depends(require(Role.ADMINISTRATOR))]
)


class AuditEntry(BaseModel):
    id: int
    at: datetime
    actor: str
    action: str
    object: str
    outcome: str
    request_id: str | None
    address: str | None


class AuditList(BaseModel):
    items: list[AuditEntry]
    next_cursor: str | None


@router.get("")
async def list_audit(used: Used, limit: Limit = 50, cursor: Cursor = None) -> AuditList:
    """Who wrote what, the newest first; read from the replica where there is one."""
    found = await used.audit_log.records(_before(cursor), limit + 1)
    page, next_cursor = cut_page(found, limit, lambda record: str(record.id))
    items = [AuditEntry.model_validate(record, from_attributes=True) for record in page]
    return AuditList(items=items, next_cursor=next_cursor)


def _before(cursor: str | None) -> int | None:
    key = decode_cursor(cursor)
    if key is None:
        return None
    if not (key.isascii() and key.isdigit()):
        raise InvalidInputError("cursor is not one of this list", code="invalid_cursor")
    return int(key)
