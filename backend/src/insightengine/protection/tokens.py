"""Secrets that are handed out once: API tokens, session ids, set-up tokens. Pure but for chance.

An API token reads `ins_<id>_<secret><checksum>`: the prefix lets scanners find leaked ones, the
checksum lets them tell a token from noise without asking us. Only SHA-256 of it is stored: the
secret has 256 random bits, so a slow hash would add nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass

from insightengine.core.secrets import Secret

_TOKEN = re.compile(r"ins_([0-9a-f]{12})_([A-Za-z0-9]{43})([0-9a-f]{8})")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class NewToken:
    token_id: str
    text: Secret
    digest: str


def new_token() -> NewToken:
    token_id = secrets.token_hex(6)
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(43))
    text = f"ins_{token_id}_{secret}{_checksum(token_id, secret)}"
    return NewToken(token_id, Secret(text), digest(text))


def token_id_of(text: str) -> str | None:
    """The id of a well-formed token; None for anything else, without a look-up."""
    found = _TOKEN.fullmatch(text)
    if found is None or _checksum(found[1], found[2]) != found[3]:
        return None
    return found[1]


def _checksum(token_id: str, secret: str) -> str:
    return f"{zlib.crc32(f'{token_id}_{secret}'.encode()):08x}"


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
