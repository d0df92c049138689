"""What the shop needs to know, from its environment."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """`payments_timeout_s` bounds the whole call; a card is never charged twice (see payments)."""

    database_url: str
    cache_url: str
    payments_url: str
    payments_timeout_s: float = 5.0


def settings_from_environment() -> Settings:
    """The defaults fit servers on their usual ports of this machine."""
    return Settings(
        database_url=os.environ.get("DATABASE_URL", "postgresql://shop@127.0.0.1:5432/shop"),
        cache_url=os.environ.get("CACHE_URL", "redis://127.0.0.1:6379/0"),
        payments_url=os.environ.get("PAYMENTS_URL", "http://127.0.0.1:8001"),
    )
