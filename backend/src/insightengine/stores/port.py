"""What features ask of the console's database and of the cache."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from insightengine.stores.records import ApiToken, AuditRecord, Role, SavedView, User

__all__ = [
    "Accounts",
    "ApiToken",
    "AuditLog",
    "AuditRecord",
    "Cache",
    "Role",
    "SavedView",
    "SavedViews",
    "User",
]


class Accounts(Protocol):
    """Users and their tokens. Raises UnavailableError when it does not answer."""

    async def user_by_email(self, email: str) -> User | None: ...
    async def user(self, user_id: str) -> User | None: ...
    async def users(self, after: str | None, limit: int) -> Sequence[User]: ...
    async def add_user(self, user: User) -> None: ...
    async def update_user(self, user: User) -> None: ...
    async def ensure_first_administrator(self, user: User) -> User | None:
        """Adds `user` unless there is one of its e-mail; safe when two processes do it at once.

        Returns the administrator who still has no password, or None when one has.
        """

    async def set_setup_token(self, user_id: str, digest: str, expires_at: datetime) -> None: ...
    async def setup_token_user(self, digest: str) -> str | None:
        """The id of the user of the token, which stays; None when unknown."""

    async def take_setup_token(self, digest: str, now: datetime) -> User | None:
        """The user of the token, which is gone afterwards; None when unknown or expired."""

    async def add_token(self, token: ApiToken) -> None: ...
    async def token(self, token_id: str) -> ApiToken | None: ...
    async def tokens(self, user_id: str, after: str | None, limit: int) -> Sequence[ApiToken]: ...
    async def delete_token(self, token_id: str, user_id: str) -> bool: ...
    async def touch_token(self, token_id: str, now: datetime) -> None: ...


class AuditLog(Protocol):
    """Who wrote what. Raises UnavailableError when it does not answer."""

    async def add(self, record: AuditRecord) -> None: ...
    async def records(self, before: int | None, limit: int) -> Sequence[AuditRecord]:
        """The newest first, and up to some seconds old; `before` is the id of the last one seen."""


class SavedViews(Protocol):
    """Views of pages. Raises UnavailableError when it does not answer."""

    async def views(self, user_id: str, page: str | None) -> Sequence[SavedView]:
        """Those of the user and those that others share, by name; at most 500."""

    async def save_view(self, view: SavedView) -> SavedView:
        """Adds it, or replaces the owner's one of the same page and name, whose id stays.

        Raises LimitExceededError for one more than an owner may have.
        """

    async def delete_view(self, view_id: str, owner_id: str) -> bool: ...


class Cache(Protocol):
    """A shared cache with expiry. Raises UnavailableError when it does not answer."""

    async def get(self, key: str) -> str | None: ...
    async def set(self, key: str, value: str, ttl_s: int) -> None: ...
    async def delete(self, *keys: str) -> None: ...
    async def increment(self, key: str, ttl_s: int) -> int:
        """Counts up and returns the count; the first one of a window sets its expiry."""

    async def remaining_s(self, key: str) -> int: ...
    async def add_to_set(self, key: str, member: str, ttl_s: int) -> None: ...
    async def members(self, key: str) -> frozenset[str]: ...
