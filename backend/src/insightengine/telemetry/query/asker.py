"""Asks the store, and remembers what cannot change any more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from insightengine.core.errors import UnavailableError
from insightengine.core.time import TimeRange
from insightengine.stores.port import Cache
from insightengine.telemetry.port import TelemetryStore
from insightengine.telemetry.query.statement import Row, Statement

# What was sent before the end of a range is stored by then; what comes later still, such as from a
# spool that could not be emptied for hours, shows after the time that an answer is kept.
_CLOSED_AFTER: Final = timedelta(minutes=2)
_KEPT_S: Final = 300
_LARGEST_BYTES: Final = 1024 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Asker:
    """Raises the errors of `TelemetryStore.query`. A cache that does not answer is done without."""

    def __init__(
        self,
        store: TelemetryStore,
        *,
        cache: Cache | None = None,
        timeout_s: float | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._store = store
        self._cache = cache
        self._timeout_s = timeout_s
        self.now = now

    async def rows(self, wanted: Statement, asked: TimeRange | None = None) -> list[Row]:
        """With `asked`, the answer is remembered for some minutes when that range is over."""
        if self._cache is None or asked is None or asked.end > self.now() - _CLOSED_AFTER:
            return await self._ask(wanted)
        key = _key(wanted)
        with suppress(UnavailableError):
            kept = await self._cache.get(key)
            if kept is not None:
                found: list[Row] = json.loads(kept)
                return found
        rows = await self._ask(wanted)
        text = json.dumps(rows)
        if len(text) <= _LARGEST_BYTES:
            with suppress(UnavailableError):
                await self._cache.set(key, text, _KEPT_S)
        return rows

    async def _ask(self, wanted: Statement) -> list[Row]:
        rows: Sequence[Row] = await self._store.query(
            wanted.sql, wanted.parameters, timeout_s=self._timeout_s
        )
        return list(rows)


def _key(wanted: Statement) -> str:
    text = json.dumps([wanted.sql, dict(wanted.parameters)], sort_keys=True)
    return f"telemetry:{hashlib.sha256(text.encode()).hexdigest()}"
