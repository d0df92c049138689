"""Log-in and log-out of browsers, and the one-time link that sets a password."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from insightengine.api.access import Viewer, public
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.protection.access import Principal, Role

router = APIRouter(prefix="/auth", tags=["auth"])


class Credentials(BaseModel):
    email: str = Field(max_length=255)
    password: str = Field(max_length=1024)


class PasswordSetup(BaseModel):
    token: str = Field(max_length=128)
    password: str = Field(max_length=1024)
    email: str | None = Field(None, max_length=255, description="A new e-mail for this user.")


class SessionUser(BaseModel):
    id: str
    email: str
    role: Role


class Session(BaseModel):
    """`csrf_token` goes into the header X-CSRF-Token of every writing request."""

    user: SessionUser
    csrf_token: str | None
    expires_at: datetime


def session_of(principal: Principal) -> Session:
    user = SessionUser(id=principal.user_id, email=principal.email, role=principal.role)
    return Session(user=user, csrf_token=principal.csrf_token, expires_at=principal.expires_at)


@router.post("/login", dependencies=[Depends(public)])
async def log_in(
    credentials: Credentials, request: Request, response: Response, used: Used
) -> Session:
    """Open a session with e-mail and password; its id is set as a cookie."""
    address = request.client.host if request.client else "unknown"
    async with audited(request, used, "login", credentials.email, actor=credentials.email):
        session_id, principal = await used.accounts.log_in(
            credentials.email, credentials.password, address
        )
    _set_cookie(response, used, session_id)
    return session_of(principal)


@router.post("/password-setup", dependencies=[Depends(public)])
async def set_up_password(
    setup: PasswordSetup, request: Request, response: Response, used: Used
) -> Session:
    """Set a password with a one-time token, and open a session."""
    async with audited(request, used, "password-setup", "user", actor="set-up link") as record:
        session_id, principal = await used.accounts.set_up(setup.token, setup.password, setup.email)
        record.actor = principal.email
    if principal.role is Role.ADMINISTRATOR:
        used.state.secret("setup_token").unlink(missing_ok=True)
    _set_cookie(response, used, session_id)
    return session_of(principal)


@router.post("/logout", status_code=204)
async def log_out(principal: Viewer, request: Request, response: Response, used: Used) -> None:
    """End this session."""
    async with audited(request, used, "logout", principal.email):
        await used.sessions.close(principal)
    response.delete_cookie(used.cookie_name, path="/", secure=used.is_https, httponly=True)


@router.get("/session")
async def session(principal: Viewer) -> Session:
    """Who is logged in, and the CSRF token of the session."""
    return session_of(principal)


def _set_cookie(response: Response, used: Used, session_id: str) -> None:
    response.set_cookie(
        used.cookie_name,
        session_id,
        max_age=used.settings.session_absolute_s,
        path="/",
        secure=used.is_https,
        httponly=True,
        samesite="lax",
    )
