"""What the console keeps of accounts, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """Each role may do what the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"

    def includes(self, needed: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class User:
    """`password_hash` is None until the user has set a password."""

    id: str
    email: str
    role: Role
    password_hash: str | None
    disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiToken:
    id: str
    user_id: str
    name: str
    role: Role
    digest: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    id: int
    at: datetime
    actor: str
    action: str
    object: str
    outcome: str
    request_id: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class SavedView:
    """`state` is what the page's address carries: the search, the range, the columns."""

    id: str
    owner_id: str
    page: str
    name: str
    state: str
    shared: bool
    changed_at: datetime
