"""What recovery asks of an object store: whole objects under keys, in a bucket or a folder.

Keys are relative paths of printable ASCII such as `backups/20260102T030405Z/data/000001`; they
never begin with `/` or `.`. All calls block, may be made from several threads, and raise only what
`core.errors` names:

    NotFoundError        no such object (`object_missing`), bucket or folder (`store_missing`)
    ConflictError        `only_new`, and another content stands there (`object_exists`)
    AccessDeniedError    the credentials do not allow it
    LimitExceededError   the store is full (`store_full`)
    UnavailableError     no answer after all retries; trying again later may help
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from insightengine.core.errors import InvalidInputError, NotFoundError

PART_BYTES = 16 * 1024 * 1024  # what a stream is cut into; S3 allows 10,000 parts
_KEY = re.compile(r"(?!.*(^|/)\.)[!-.0-~]+(/[!-.0-~]+)*")
_LONGEST_KEY = 512


@dataclass(frozen=True, slots=True)
class StoredObject:
    """`modified_at` is the store's clock, which may differ from ours."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that the store refused to delete, and why, in the store's words."""

    key: str
    reason: str


class ObjectStore(Protocol):
    """See the module's text for keys, threads and errors."""

    @property
    def address(self) -> str:
        """Where it is, as a person would write it; without credentials."""
        ...

    def check(self) -> None:
        """Returns when the bucket or folder is there and answers; writes nothing."""
        ...

    def put(
        self, key: str, content: bytes, *, only_new: bool = False, temporary: bool = False
    ) -> None:
        """Writes one object; it is there whole and durable when this returns, or not at all.

        `only_new` refuses to replace another content; the same content is accepted, so that a
        call whose answer was lost can be repeated. A `temporary` object gets neither the lock nor
        the storage class of this store: it will be deleted soon.
        """
        ...

    def put_stream(self, key: str, parts: Iterable[bytes], *, only_new: bool = False) -> int:
        """Writes an object of any size in bounded memory; returns its size.

        Nothing is visible under the key before the last part is written, nor after a failure.
        """
        ...

    def get(self, key: str) -> bytes: ...

    def read(self, key: str) -> Iterator[bytes]:
        """The content in pieces of at most `PART_BYTES`, for objects of any size."""
        ...

    def stat(self, key: str) -> StoredObject | None: ...

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """Every object whose key begins with the prefix, sorted by key."""
        ...

    def delete(self, keys: Iterable[str]) -> tuple[Kept, ...]:
        """Deletes objects; those that are not there count as deleted. What could not be is told."""
        ...

    def clean(self, older_than_s: float) -> int:
        """Removes what writes that never ended have left; how many."""
        ...


def checked_key(key: str) -> str:
    """The key itself. Raises InvalidInputError for one that a store could misunderstand."""
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise InvalidInputError(f"found the object key {key[:80]!r}, which no store would take")
    return key


def missing(address: str, key: str) -> NotFoundError:
    return NotFoundError(
        f"{address} has no object {key}",
        code="object_missing",
        hint="insight backup verify: tells which backups it belongs to",
        context={"key": key},
    )
