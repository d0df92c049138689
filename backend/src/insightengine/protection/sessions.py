"""Log-ins of browsers, kept in the cache. Only the SHA-256 of a session's id is stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from insightengine.protection.access import Principal, Role
from insightengine.protection.tokens import digest, new_secret
from insightengine.stores.port import Cache, User


class Sessions:
    """A session ends after `idle_s` without a request, and after `absolute_s` in any case."""

    def __init__(
        self, cache: Cache, idle_s: int, absolute_s: int, now: Callable[[], datetime] | None = None
    ) -> None:
        self._cache = cache
        self._idle_s = idle_s
        self._absolute_s = absolute_s
        self._now = now or (lambda: datetime.now(UTC))

    async def open(self, user: User) -> tuple[str, Principal]:
        """A new session: its id, to be sent to the browser only, and the principal behind it."""
        session_id = new_secret()
        key = _key(digest(session_id))
        expires = self._now() + timedelta(seconds=self._absolute_s)
        principal = Principal(
            user.id, user.email, user.role, expires, session_key=key, csrf_token=new_secret()
        )
        await self._cache.set(key, _encoded(principal), self._idle_s)
        await self._cache.add_to_set(_of_user(user.id), key, self._absolute_s)
        return session_id, principal

    async def find(self, session_id: str) -> Principal | None:
        """The principal of a session that still lasts; each look keeps it from going idle."""
        key = _key(digest(session_id))
        stored = await self._cache.get(key)
        if stored is None:
            return None
        principal = _decoded(key, stored)
        left_s = int((principal.expires_at - self._now()).total_seconds())
        if left_s <= 0:
            await self._cache.delete(key)
            return None
        await self._cache.set(key, stored, min(self._idle_s, left_s))
        return principal

    async def close(self, principal: Principal) -> None:
        if principal.session_key:
            await self._cache.delete(principal.session_key)

    async def close_all(self, user_id: str) -> None:
        """Ends every session of a user: after a new password, role, or when disabled."""
        keys = await self._cache.members(_of_user(user_id))
        await self._cache.delete(_of_user(user_id), *keys)


def _key(hashed: str) -> str:
    return f"session:{hashed}"


def _of_user(user_id: str) -> str:
    return f"sessions-of:{user_id}"


def _encoded(principal: Principal) -> str:
    return json.dumps(
        {
            "user_id": principal.user_id,
            "email": principal.email,
            "role": principal.role.value,
            "expires_at": principal.expires_at.isoformat(),
            "csrf_token": principal.csrf_token,
        }
    )


def _decoded(key: str, text: str) -> Principal:
    values = json.loads(text)
    return Principal(
        values["user_id"],
        values["email"],
        Role(values["role"]),
        datetime.fromisoformat(values["expires_at"]),
        session_key=key,
        csrf_token=values["csrf_token"],
    )
