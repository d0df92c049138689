"""Lists in pages: opaque cursors over the last item of the page before."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from insightengine.core.errors import InvalidInputError

Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=500, description="Most items of the page.")]
Cursor = Annotated[str | None, Query(max_length=512, description="next_cursor of the page before.")]


def encode_cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> str | None:
    """Raises InvalidInputError for what we did not issue."""
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidInputError(
            "cursor is not one that was returned as next_cursor", code="invalid_cursor"
        ) from None


def cut_page(
    found: Sequence[Item], limit: int, key: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """The page and the next cursor, of up to `limit + 1` items that were found."""
    if len(found) <= limit:
        return found, None
    page = found[:limit]
    return page, encode_cursor(key(page[-1]))
