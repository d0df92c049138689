"""Views of a page that users keep, and share with others."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from insightengine.api.access import Viewer, require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.core.errors import NotFoundError
from insightengine.protection.access import Role
from insightengine.stores.port import SavedView

router = APIRouter(prefix="/views", tags=["views"], dependencies=[Depends(require(Role.VIEWER))])


class Page(StrEnum):
    LOGS = "logs"
    TRACES = "traces"
    METRICS = "metrics"
    INFRASTRUCTURE = "infrastructure"


class View(BaseModel):
    """`state` is what the address of the page carries. `own` ones can be changed."""

    id: str
    page: Page
    name: str
    state: str
    shared: bool
    own: bool
    changed_at: datetime


class ViewRequest(BaseModel):
    page: Page
    name: str = Field(min_length=1, max_length=100)
    state: str = Field(max_length=8192)
    shared: bool = False


class ViewList(BaseModel):
    items: list[View]


def _shown(view: SavedView, user_id: str) -> View:
    return View(
        id=view.id,
        page=Page(view.page),
        name=view.name,
        state=view.state,
        shared=view.shared,
        own=view.owner_id == user_id,
        changed_at=view.changed_at,
    )


@router.get("")
async def list_views(principal: Viewer, used: Used, page: Page | None = None) -> ViewList:
    """Your views and those that others share, by name."""
    found = await used.views.views(principal.user_id, page.value if page else None)
    return ViewList(items=[_shown(view, principal.user_id) for view in found])


@router.put("")
async def save_view(asked: ViewRequest, principal: Viewer, request: Request, used: Used) -> View:
    """Keep a view; one of yours with the same page and name is replaced."""
    view = SavedView(
        id=uuid.uuid4().hex,
        owner_id=principal.user_id,
        page=asked.page.value,
        name=asked.name,
        state=asked.state,
        shared=asked.shared,
        changed_at=datetime.now(UTC),
    )
    async with audited(request, used, "view.save", f"{asked.page.value}: {asked.name}"):
        saved = await used.views.save_view(view)
    return _shown(saved, principal.user_id)


@router.delete("/{view_id}", status_code=204)
async def delete_view(view_id: str, principal: Viewer, request: Request, used: Used) -> None:
    """Forget a view of yours."""
    async with audited(request, used, "view.delete", view_id):
        if not await used.views.delete_view(view_id, principal.user_id):
            raise NotFoundError(f"you have no view {view_id[:64]}")
