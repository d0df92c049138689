"""The one dependency that guards routes. Every route has either `require(role)` or `public`.

`test_every_route_has_a_rule` walks all routes and fails for one that has neither.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from insightengine.api.dependencies import Used, services
from insightengine.core.errors import AccessDeniedError
from insightengine.core.settings import Environment, PortOffset, Settings
from insightengine.protection.access import Principal, Role, ensure_allowed
from insightengine.wiring.console import Services

READING = frozenset({"GET", "HEAD", "OPTIONS"})
_BEARER = HTTPBearer(auto_error=False, scheme_name="api_token", description="ins_…")
_COOKIE = APIKeyCookie(name="insight_session", auto_error=False, scheme_name="session")


async def principal_of(
    request: Request,
    used: Used,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
    _cookie: Annotated[str | None, Security(_COOKIE)] = None,
) -> Principal | None:
    """Who asks: by API token, else by session. None for nobody, an unknown token or session."""
    if bearer is not None:
        return await used.accounts.by_api_token(bearer.credentials)
    session_id = request.cookies.get(used.cookie_name)
    principal = await used.sessions.find(session_id) if session_id else None
    if principal is not None and request.method not in READING:
        _refuse_forged(request, used, principal)
    return principal


class Rule:
    """The role that a route needs; None for a public one."""

    def __init__(self, role: Role | None) -> None:
        self.role = role

    @property
    def label(self) -> str:
        return self.role.value if self.role else "public"

    @property
    def rank(self) -> int:
        """The higher, the fewer pass."""
        return list(Role).index(self.role) + 1 if self.role else 0


class _Require(Rule):
    async def __call__(
        self, request: Request, principal: Annotated[Principal | None, Depends(principal_of)]
    ) -> Principal:
        allowed = ensure_allowed(principal, self.role or Role.ADMINISTRATOR)
        request.state.principal = allowed
        return allowed


class _Public(Rule):
    async def __call__(self, request: Request) -> None:
        """Anybody may; a browser of another site may still not write."""
        if request.method not in READING:
            _refuse_cross_site(request, services(request))


def require(role: Role) -> _Require:
    """A dependency that lets principals of at least this role pass."""
    return _Require(role)


public = _Public(None)
Viewer = Annotated[Principal, Depends(require(Role.VIEWER))]
Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
Administrator = Annotated[Principal, Depends(require(Role.ADMINISTRATOR))]


def _refuse_forged(request: Request, used: Services, principal: Principal) -> None:
    _refuse_cross_site(request, used)
    if request.headers.get("X-CSRF-Token") != principal.csrf_token:
        raise AccessDeniedError(
            "the header X-CSRF-Token is missing or not that of the session",
            code="csrf",
            hint="send csrf_token of GET /auth/session",
        )


def _refuse_cross_site(request: Request, used: Services) -> None:
    """Raises AccessDeniedError for a request that another site made a browser send."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site in ("cross-site", "same-site") or (origin and not _is_own(origin, request, used)):
        raise AccessDeniedError(
            "this request comes from another site",
            code="cross_site",
            context={"origin": origin or ""},
        )


def _is_own(origin: str, request: Request, used: Services) -> bool:
    own = {urlsplit(used.settings.console_url).netloc, request.headers.get("Host", "")}
    return urlsplit(origin).netloc in own | development_pages(used.settings)


def development_pages(settings: Settings) -> set[str]:
    """Where `insight dev --console` serves pages, and asks the API under another Host."""
    if settings.environment is not Environment.DEVELOPMENT:
        return set()
    port = settings.port(PortOffset.CONSOLE_DEV)
    return {f"localhost:{port}", f"127.0.0.1:{port}"}
