"""Users, for administrators."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from insightengine.api.access import Administrator, require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.api.pages import Cursor, Limit, cut_page, decode_cursor
from insightengine.protection.access import Role
from insightengine.stores.port import User as StoredUser

router = APIRouter(
    prefix="/users", tags=["users"], dependencies=[Depends(require(Role.ADMINISTRATOR))]
)


class User(BaseModel):
    id: str
    email: str
    role: Role
    disabled: bool
    has_password: bool
    created_at: datetime


class UserRequest(BaseModel):
    email: str = Field(max_length=255)
    role: Role = Role.VIEWER


class UserChange(BaseModel):
    role: Role | None = None
    disabled: bool | None = None


class InvitedUser(BaseModel):
    """`setup_link` works once, for a day; hand it to the user."""

    user: User
    setup_link: str


class UserList(BaseModel):
    items: list[User]
    next_cursor: str | None


def _shown(user: StoredUser) -> User:
    return User(
        id=user.id,
        email=user.email,
        role=user.role,
        disabled=user.disabled,
        has_password=user.password_hash is not None,
        created_at=user.created_at,
    )


@router.get("")
async def list_users(used: Used, limit: Limit = 50, cursor: Cursor = None) -> UserList:
    """All users by e-mail."""
    found = await used.account_store.users(decode_cursor(cursor), limit + 1)
    page, next_cursor = cut_page(found, limit, lambda user: user.email)
    return UserList(items=[_shown(user) for user in page], next_cursor=next_cursor)


@router.post("", status_code=201)
async def invite_user(asked: UserRequest, request: Request, used: Used) -> InvitedUser:
    """Add a user, and get the link with which they set their password."""
    async with audited(request, used, "user.invite", asked.email):
        user, token = await used.accounts.create_user(asked.email, asked.role)
    link = f"{used.settings.console_url}/setup/?token={token.reveal()}"
    return InvitedUser(user=_shown(user), setup_link=link)


@router.patch("/{user_id}")
async def change_user(
    user_id: str, change: UserChange, principal: Administrator, request: Request, used: Used
) -> User:
    """Change a user's role, or disable them; their sessions end at once."""
    async with audited(request, used, "user.change", user_id):
        user = await used.accounts.change_user(principal, user_id, change.role, change.disabled)
    return _shown(user)
