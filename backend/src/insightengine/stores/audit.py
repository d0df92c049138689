"""The audit log in the console's database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from insightengine.stores.postgres import transaction
from insightengine.stores.reading import Reading
from insightengine.stores.records import AuditRecord
from insightengine.stores.tables import audit_log


class PostgresAuditLog:
    """`stores.port.AuditLog`. It grows without end and is read in long stretches: by a replica."""

    def __init__(self, engine: AsyncEngine, reading: Reading) -> None:
        self._engine = engine
        self._reading = reading

    async def add(self, record: AuditRecord) -> None:
        values = {key: value for key, value in asdict(record).items() if key != "id"}
        async with transaction(self._engine) as connection:
            await connection.execute(insert(audit_log).values(**values))

    async def records(self, before: int | None, limit: int) -> Sequence[AuditRecord]:
        query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(audit_log.c.id < before)
        found = await self._reading.rows(query)
        return [AuditRecord(**row._mapping) for row in found]  # noqa: SLF001
