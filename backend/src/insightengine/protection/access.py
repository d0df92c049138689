"""Who may do what: roles in a row, and the principal behind a request. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from insightengine.core.errors import AccessDeniedError
from insightengine.stores.port import Role

__all__ = ["Principal", "Role", "ensure_allowed"]


@dataclass(frozen=True, slots=True)
class Principal:
    """The user behind a request. `token_id` is set when an API token was used, not a session."""

    user_id: str
    email: str
    role: Role
    expires_at: datetime
    session_key: str | None = None
    csrf_token: str | None = None
    token_id: str | None = None


def ensure_allowed(principal: Principal | None, needed: Role) -> Principal:
    """Raises AccessDeniedError: 401 for nobody, 403 for a role that is too low."""
    if principal is None:
        error = AccessDeniedError("log in first", code="not_logged_in", hint="POST /auth/login")
        error.http_status = 401
        raise error
    if not principal.role.includes(needed):
        raise AccessDeniedError(
            f"this needs the role {needed.value}; {principal.email} is {principal.role.value}",
            code="role_too_low",
            hint="ask an administrator",
        )
    return principal
