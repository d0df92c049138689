"""How every object is stored: compressed, sealed, encrypted.

    age( skippable zstd frame { key, size, mac } + zstd frame of the content )

zstd skips the first frame, so that the stock tools read an object without us:

    age -d -i recovery.key OBJECT | zstd -d

The `mac` is HMAC-SHA256 under the seal over the object's key, its plain size and its compressed
content. It is checked before anything is decompressed. Because the key is part of it, an object
that was copied to another key does not open there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyrage
import zstandard

from insightengine.core.errors import AccessDeniedError, ConflictError
from insightengine.recovery.keys import Keyring

_SKIPPABLE = struct.Struct("<II")
_MAGIC = 0x184D2A5E
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Sealed:
    """An object ready to be stored. `sha256` (hex) is that of `content`, as it will lie there."""

    content: bytes
    plain_bytes: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


class Envelope:
    """Seals and opens objects with one keyring. Threads may share it."""

    def __init__(self, keyring: Keyring, level: int = 1) -> None:
        self._keyring = keyring
        self._level = level
        self._seal = keyring.seal_bytes
        self._recipients = [
            pyrage.x25519.Recipient.from_str(recipient) for recipient in keyring.recipients
        ]
        self._identities = [
            pyrage.x25519.Identity.from_str(identity.reveal()) for identity in keyring.identities
        ]

    @property
    def recipients(self) -> tuple[str, ...]:
        """The public keys that everything is encrypted to."""
        return self._keyring.recipients

    def seal(self, key: str, plain: bytes) -> Sealed:
        """Needs memory for about twice the content."""
        compressed = zstandard.ZstdCompressor(self._level).compress(plain)
        head = {
            "v": _VERSION,
            "key": key,
            "size": len(plain),
            "mac": self._mac(key, len(plain), compressed),
        }
        text = json.dumps(head, separators=(",", ":")).encode()
        framed = _SKIPPABLE.pack(_MAGIC, len(text)) + text + compressed
        return Sealed(pyrage.encrypt(framed, self._recipients), len(plain))

    def open(self, key: str, content: bytes) -> bytes:
        """The plain content of the object under `key`.

        Raises AccessDeniedError (`wrong_key`) when no key at hand is a recipient, ConflictError
        (`object_damaged`) when it is not what this platform stored under this key.
        """
        if not self._identities:
            raise self._wrong_key(key)
        try:
            framed = pyrage.decrypt(content, self._identities)
        except pyrage.DecryptError as error:
            if "matching keys" in str(error):
                raise self._wrong_key(key) from None
            raise damaged(key, "it cannot be decrypted: bytes are missing or changed") from None
        head, compressed = _split(key, framed)
        size = self._checked(key, head, compressed)
        return zstandard.ZstdDecompressor().decompress(compressed, max_output_size=size)

    def _checked(self, key: str, head: Mapping[str, Any], compressed: memoryview) -> int:
        """The plain size."""
        stored_key, size = head.get("key"), head.get("size")
        if head.get("v") != _VERSION or not isinstance(size, int):
            raise damaged(key, f"it has format {head.get('v')!r}, known is {_VERSION}")
        if stored_key != key:
            raise damaged(key, f"it was stored as {str(stored_key)[:100]!r}")
        if not hmac.compare_digest(str(head.get("mac")), self._mac(key, size, compressed)):
            raise damaged(key, "its seal is not that of this platform")
        return size

    def address(self, content: bytes) -> str:
        """A name for content, of 40 hexadecimal digits: another one for other recipients, and
        telling nothing to whoever has not the seal."""
        mac = hmac.new(self._seal, "\0".join(["address", *self.recipients, ""]).encode(), "sha256")
        mac.update(content)
        return mac.hexdigest()[:40]

    def _mac(self, key: str, size: int, compressed: bytes | memoryview) -> str:
        mac = hmac.new(self._seal, f"{key}\0{size}\0".encode(), hashlib.sha256)
        mac.update(compressed)
        return mac.hexdigest()

    def _wrong_key(self, key: str) -> AccessDeniedError:
        mine = ", ".join(self._keyring.readers) or "none"
        return AccessDeniedError(
            f"{key} is not encrypted to the key at hand ({mine})",
            code="wrong_key",
            hint="use the recovery key whose public half the repository names: "
            "insight recover inspect --from …",
            context={"key": key},
        )


def damaged(key: str, why: str) -> ConflictError:
    return ConflictError(
        f"{key} is damaged: {why}",
        code="object_damaged",
        hint="insight backup verify; other copies and older backups are not touched by this",
        context={"key": key},
    )


def _split(key: str, framed: bytes) -> tuple[Mapping[str, Any], memoryview]:
    try:
        magic, length = _SKIPPABLE.unpack_from(framed)
        text = framed[_SKIPPABLE.size : _SKIPPABLE.size + length]
        head = json.loads(text)
    except (struct.error, ValueError):
        raise damaged(key, "it does not begin with our frame") from None
    if magic != _MAGIC or not isinstance(head, dict):
        raise damaged(key, "it does not begin with our frame")
    return head, memoryview(framed)[_SKIPPABLE.size + length :]
