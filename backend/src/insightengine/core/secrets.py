"""A type for secrets, so that none is ever printed by accident."""

from __future__ import annotations

from dataclasses import dataclass, field

REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that shows itself only to `reveal()`.

    `repr`, `str`, f-strings, structlog and JSON encoders that fall back to `str` all see
    `[redacted]`. Compare secrets from outside with `hmac.compare_digest` on the revealed values.
    """

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)
