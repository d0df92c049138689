"""API tokens of the one who asks. The text of a token is shown once."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from insightengine.api.access import Viewer, require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.api.pages import Cursor, Limit, cut_page, decode_cursor
from insightengine.core.errors import NotFoundError
from insightengine.protection.access import Role
from insightengine.stores.port import ApiToken

router = APIRouter(prefix="/tokens", tags=["tokens"], dependencies=[Depends(require(Role.VIEWER))])


class Token(BaseModel):
    id: str
    name: str
    role: Role
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class TokenRequest(BaseModel):
    name: str = Field(min_length=1, max_length=100)
    role: Role = Role.VIEWER
    days: int = Field(30, ge=1, le=90, description="Days until it expires.")


class CreatedToken(BaseModel):
    """`secret` is what a client sends as `Authorization: Bearer …`; it is not kept."""

    token: Token
    secret: str


class TokenList(BaseModel):
    items: list[Token]
    next_cursor: str | None


def _shown(token: ApiToken) -> Token:
    return Token(
        id=token.id,
        name=token.name,
        role=token.role,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
    )


@router.get("")
async def list_tokens(
    principal: Viewer, used: Used, limit: Limit = 50, cursor: Cursor = None
) -> TokenList:
    """Your API tokens, without their text."""
    after = decode_cursor(cursor)
    found = await used.account_store.tokens(principal.user_id, after, limit + 1)
    page, next_cursor = cut_page(found, limit, lambda token: token.id)
    return TokenList(items=[_shown(token) for token in page], next_cursor=next_cursor)


@router.post("", status_code=201)
async def create_token(
    asked: TokenRequest, principal: Viewer, request: Request, used: Used
) -> CreatedToken:
    """Create an API token of yours, with at most your role."""
    async with audited(request, used, "token.create", asked.name):
        issued = await used.accounts.create_token(principal, asked.name, asked.role, asked.days)
    return CreatedToken(token=_shown(issued.record), secret=issued.text.reveal())


@router.delete("/{token_id}", status_code=204)
async def revoke_token(token_id: str, principal: Viewer, request: Request, used: Used) -> None:
    """Revoke an API token of yours; it is refused from now on."""
    async with audited(request, used, "token.revoke", token_id):
        if not await used.account_store.delete_token(token_id, principal.user_id):
            raise NotFoundError(f"you have no token {token_id}")
