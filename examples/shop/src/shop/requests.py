"""What pages and JSON routes need of a request."""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request, Response

from shop.shop import Shop

COOKIE = "basket"
_SESSION = re.compile(r"[A-Za-z0-9_-]{22,64}")
_KEPT_S = 7 * 24 * 3600


def _shop(request: Request) -> Shop:
    return cast("Shop", request.app.state.shop)


def _session_id(request: Request) -> str:
    return cast("str", request.state.session_id)


CurrentShop = Annotated[Shop, Depends(_shop)]
SessionId = Annotated[str, Depends(_session_id)]


async def with_session(
    request: Request, following: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Knows the visitor by a cookie; whoever comes without one gets one with the first change."""
    given = request.cookies.get(COOKIE, "")
    is_known = bool(_SESSION.fullmatch(given))
    request.state.session_id = given if is_known else secrets.token_urlsafe(24)
    response = await following(request)
    if request.method != "GET" and not is_known:
        response.set_cookie(
            COOKIE,
            request.state.session_id,
            max_age=_KEPT_S,
            httponly=True,
            samesite="lax",
            secure=request.headers.get("x-forwarded-proto") == "https",
        )
    return response
