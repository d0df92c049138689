"""Who can read backups: age keys, and the seal that tells our objects from anybody else's.

Two age keys are recipients of every object. The *machine key* lies among the platform's secrets,
so that the platform can verify and restore by itself. The *recovery key* exists only outside:
`insight recover key create` writes it once, and the platform keeps nothing but its public half.

age hides content but not its origin: whoever knows a public key can write objects for it. So every
object also carries a message authentication code by the *seal*, 32 random bytes that both keys
carry with them. An object that was damaged, swapped or added by somebody else does not open.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyrage

from insightengine.core.errors import InvalidInputError
from insightengine.core.secrets import Secret

SEAL_BYTES = 32
RECOVERY_KEY_HEAD = b"# Recovery key of "
_IDENTITY = re.compile(r"^AGE-SECRET-KEY-1[0-9A-Z]{58}$", re.MULTILINE)
_SEAL = re.compile(r"^# seal: ([A-Za-z0-9+/=]{44})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Keyring:
    """What is needed to write objects (`recipients`, `seal`) and to read them (`identities`)."""

    recipients: tuple[str, ...]
    identities: tuple[Secret, ...]
    seal: Secret

    @property
    def seal_bytes(self) -> bytes:
        return base64.b64decode(self.seal.reveal())

    @property
    def readers(self) -> tuple[str, ...]:
        """The public halves of the keys that are at hand."""
        return tuple(public_half(identity) for identity in self.identities)


def new_identity() -> Secret:
    """A new age key (X25519)."""
    return Secret(str(pyrage.x25519.Identity.generate()))


def new_seal() -> Secret:
    return Secret(base64.b64encode(secrets.token_bytes(SEAL_BYTES)).decode())


def public_half(identity: Secret) -> str:
    """The recipient `age1…` of a key. Raises InvalidInputError when it is none."""
    try:
        return str(pyrage.x25519.Identity.from_str(identity.reveal()).to_public())
    except pyrage.IdentityError:
        raise InvalidInputError(
            "that is not an age key: it should begin with AGE-SECRET-KEY-1", code="invalid_key"
        ) from None


def checked_recipients(recipients: Sequence[str]) -> tuple[str, ...]:
    """Raises InvalidInputError that names the first one which is not a public age key."""
    for recipient in recipients:
        try:
            pyrage.x25519.Recipient.from_str(recipient)
        except pyrage.RecipientError:
            raise InvalidInputError(
                f"found the recipient {recipient[:80]!r}, allowed is a public age key: age1…",
                code="invalid_key",
            ) from None
    return tuple(dict.fromkeys(recipients))


def recovery_key_text(identity: Secret, seal: Secret, created_at: datetime, of: str) -> Secret:
    """The file that a person keeps. `age -d -i FILE` takes it as it is: the rest are comments."""
    return Secret(
        f"{RECOVERY_KEY_HEAD.decode()}{of}, created {created_at:%Y-%m-%d %H:%M} UTC.\n"
        "# Whoever has it can read every backup; without it, nobody can once the machine is gone.\n"
        "# Keep it off this machine, in two places. Use: insight recover --from … --key FILE\n"
        f"# public key: {public_half(identity)}\n"
        f"# seal: {seal.reveal()}\n"
        f"{identity.reveal()}\n"
    )


def parse_recovery_key(text: str, source: str) -> Keyring:
    """What a recovery key file opens. Raises InvalidInputError that tells what is missing."""
    identity, seal = _IDENTITY.search(text), _SEAL.search(text)
    if identity is None:
        raise InvalidInputError(
            f"{source} holds no age key: a line AGE-SECRET-KEY-1… is missing",
            code="invalid_key",
            hint="use the file that `insight recover key create` wrote",
        )
    if seal is None:
        raise InvalidInputError(
            f"{source} has no line `# seal: …`, without which nothing can be told from a forgery",
            code="invalid_key",
            hint="use the whole file that `insight recover key create` wrote",
        )
    key = Secret(identity.group())
    return Keyring((public_half(key),), (key,), checked_seal(Secret(seal.group(1)), source))


def checked_seal(seal: Secret, source: str) -> Secret:
    """Raises InvalidInputError when it is not 32 bytes in base64."""
    try:
        size = len(base64.b64decode(seal.reveal(), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != SEAL_BYTES:
        raise InvalidInputError(
            f"the seal in {source} is not {SEAL_BYTES} bytes in base64", code="invalid_key"
        )
    return seal
