"""Reads of the console's database on its replica, where there is one that follows closely."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from insightengine.stores.postgres import transaction

# A primary that writes nothing is heard of every five seconds, by half of its wal_sender_timeout.
FARTHEST_BEHIND_S: Final = 10
_PATIENCE_S: Final = 2.0
_FOLLOWS: Final = text(
    """SELECT pg_is_in_recovery() AND EXISTS (
        SELECT FROM pg_stat_wal_receiver
        WHERE status = 'streaming' AND latest_end_lsn <= pg_last_wal_replay_lsn()
            AND last_msg_receipt_time > now() - make_interval(secs => :farthest_s))"""
).bindparams(farthest_s=FARTHEST_BEHIND_S)

Rows = Sequence[Row[tuple[Any, ...]]]


class Reading:
    """For what may be `FARTHEST_BEHIND_S` old. The primary answers whenever the replica cannot."""

    def __init__(self, primary: AsyncEngine, replica: AsyncEngine | None = None) -> None:
        self._primary = primary
        self._replica = replica

    async def rows(self, query: Select[tuple[Any, ...]]) -> Rows:
        """Raises what `transaction` does."""
        found = await _rows_of_replica(self._replica, query) if self._replica else None
        if found is not None:
            return found
        async with transaction(self._primary) as connection:
            rows: Rows = (await connection.execute(query)).all()
            return rows

    async def close(self) -> None:
        if self._replica is not None:
            await self._replica.dispose()


async def _rows_of_replica(replica: AsyncEngine, query: Select[tuple[Any, ...]]) -> Rows | None:
    """None where it does not answer soon. One that hangs would hold a cancellation up as well, so
    that it is not waited for.
    """
    asked = asyncio.create_task(_asked(replica, query))
    try:
        done, _ = await asyncio.wait({asked}, timeout=_PATIENCE_S)
    finally:
        asked.cancel()
    return asked.result() if done else None


async def _asked(replica: AsyncEngine, query: Select[tuple[Any, ...]]) -> Rows | None:
    """None where it is away, lags, has become a primary, or had to end the query for its replay."""
    try:
        async with replica.connect() as connection:
            if not (await connection.execute(_FOLLOWS)).scalar_one():
                return None
            rows: Rows = (await connection.execute(query)).all()
            return rows
    except (DBAPIError, PoolTimeoutError, OSError):
        return None
