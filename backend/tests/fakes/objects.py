"""An object store in memory. It holds the same contract as the real ones, and can be broken."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from insightengine.core.errors import ConflictError, InsightError
from insightengine.stores.objects.port import (
    PART_BYTES,
    Kept,
    StoredObject,
    checked_key,
    missing,
)


class MemoryObjects:
    """`stores.objects.port.ObjectStore`. While `failing` is set, every call raises it; keys in
    `locked` cannot be deleted."""

    def __init__(self, address: str = "memory") -> None:
        self.address = address
        self.content: dict[str, bytes] = {}
        self.failing: InsightError | None = None
        self.locked: set[str] = set()
        self._written: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        if self.failing is not None:
            raise self.failing

    def put(
        self, key: str, content: bytes, *, only_new: bool = False, temporary: bool = False
    ) -> None:
        del temporary
        self.check()
        with self._lock:
            there = self.content.get(checked_key(key))
            if only_new and there is not None and there != content:
                raise ConflictError(f"{self.address} already has {key}", code="object_exists")
            self.content[key] = bytes(content)
            self._written[key] = datetime.now(UTC)

    def put_stream(self, key: str, parts: Iterable[bytes], *, only_new: bool = False) -> int:
        content = b"".join(parts)
        self.put(key, content, only_new=only_new)
        return len(content)

    def get(self, key: str) -> bytes:
        self.check()
        try:
            return self.content[key]
        except KeyError:
            raise missing(self.address, key) from None

    def read(self, key: str) -> Iterator[bytes]:
        content = self.get(key)
        for start in range(0, len(content), PART_BYTES):
            yield content[start : start + PART_BYTES]

    def stat(self, key: str) -> StoredObject | None:
        self.check()
        content = self.content.get(key)
        return None if content is None else StoredObject(key, len(content), self._written[key])

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        self.check()
        for key in sorted(self.content):
            if key.startswith(prefix):
                yield StoredObject(key, len(self.content[key]), self._written[key])

    def delete(self, keys: Iterable[str]) -> tuple[Kept, ...]:
        self.check()
        wanted = list(keys)
        for key in wanted:
            if key not in self.locked:
                self.content.pop(key, None)
        return tuple(Kept(key, "locked") for key in wanted if key in self.locked)

    def clean(self, older_than_s: float) -> int:
        del older_than_s
        self.check()
        return 0
