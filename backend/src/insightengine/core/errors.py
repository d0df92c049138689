"""The one tree of errors.

    InsightError
    ├── InvalidInputError     the user's file, flag or request is wrong          exit 2   400
    ├── NotFoundError         the named object does not exist                    exit 3   404
    ├── ConflictError         the state does not allow it                        exit 4   409
    ├── AccessDeniedError     nobody is logged in, or the role is too low        exit 5   401/403
    ├── UnavailableError      a part that is needed does not answer              exit 6   503
    └── LimitExceededError    too much, too large or too often                   exit 7   429/413

Every error says what failed, on which object, and what was observed against what was expected;
the hint holds something that the reader can run or change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class InsightError(Exception):
    """Base of all errors that are shown to a person or returned by the API.

    `code` is stable and machine-readable, `context` holds JSON-serialisable details. Neither may
    hold a secret; wrap those in `core.secrets.Secret`.
    """

    default_code: ClassVar[str] = "internal"
    http_status: int = 500
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        context: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or self.default_code
        self.context: Mapping[str, object] = dict(context or {})


class InvalidInputError(InsightError):
    """The user's file, flag or request is wrong; nothing was changed."""

    default_code = "invalid_input"
    http_status = 400
    exit_code = 2


class NotFoundError(InsightError):
    """The named object does not exist."""

    default_code = "not_found"
    http_status = 404
    exit_code = 3


class ConflictError(InsightError):
    """The present state does not allow the operation."""

    default_code = "conflict"
    http_status = 409
    exit_code = 4


class AccessDeniedError(InsightError):
    """Nobody is logged in (401), or the role is too low (403)."""

    default_code = "access_denied"
    http_status = 403
    exit_code = 5


class UnavailableError(InsightError):
    """A part that is needed does not answer; trying again may help."""

    default_code = "unavailable"
    http_status = 503
    exit_code = 6


class LimitExceededError(InsightError):
    """Too much, too large or too often."""

    default_code = "limit_exceeded"
    http_status = 429
    exit_code = 7


def render_error(error: InsightError) -> str:
    """The text a terminal shows: `error: …`, and after a blank line `hint: …`."""
    text = f"error: {error.message}"
    return f"{text}\n\nhint: {error.hint}" if error.hint else text
