"""Passwords: what is accepted, and how they are kept (argon2id, OWASP's parameters)."""

from __future__ import annotations

import asyncio
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from insightengine.core.errors import InvalidInputError

MIN_LENGTH = 15
MAX_LENGTH = 256
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_AT_ONCE = 2  # each takes 19 MiB and most of a core
_COMMON = (
    "password",
    "passwort",
    "qwertyuiop",
    "1234567890",
    "12345678",
    "123456",
    "letmein",
    "administrator",
    "insightengine",
    "abcdefghijklmno",
    "iloveyou",
    "correcthorsebatterystaple",
)


def refuse_weak(password: str, email: str) -> None:
    """Raises InvalidInputError that says which rule is broken, never the password."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInputError(
            f"the password has {len(password)} characters; allowed are {MIN_LENGTH} to "
            f"{MAX_LENGTH}",
            code="weak_password",
            hint="four or five unrelated words are easy to remember",
        )
    plain = _letters_and_digits(password)
    rest = plain
    for common in (*_COMMON, _letters_and_digits(email.split("@")[0])):
        rest = rest.replace(common, "") if len(common) >= 4 else rest
    if len(set(plain)) < 6 or len(rest) < 6:
        raise InvalidInputError(
            "the password is among the first ones that would be guessed",
            code="weak_password",
            hint="four or five unrelated words are easy to remember",
        )


def _letters_and_digits(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


class Passwords:
    """Hashes and checks in threads, few at a time. One instance a process."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(_HASHER.hash, password)

    async def matches(self, password: str, hashed: str | None) -> bool:
        """Takes as long for a user that does not exist (None) as for one that does."""
        async with self._slots:
            return await asyncio.to_thread(_matches, password, hashed)


def _matches(password: str, hashed: str | None) -> bool:
    try:
        _HASHER.verify(hashed or _dummy_hash(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return hashed is not None


@cache
def _dummy_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
