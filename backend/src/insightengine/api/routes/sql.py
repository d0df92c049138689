"""SQL over the telemetry store, read-only, for administrators."""

from __future__ import annotations

import math
import time
from datetime import date, datetime

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from insightengine.api.access import require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.protection.access import Role
from insightengine.telemetry.metric_models import SqlColumn, SqlResult

router = APIRouter(
    prefix="/telemetry", tags=["sql"], dependencies=[Depends(require(Role.ADMINISTRATOR))]
)


class SqlRequest(BaseModel):
    """One statement that reads."""

    sql: str = Field(min_length=1, max_length=100_000)
    most_rows: int = Field(1000, ge=1, le=10_000)
    timeout_s: float = Field(20.0, gt=0, le=60)


@router.post("/sql")
async def sql(asked: SqlRequest, request: Request, used: Used) -> SqlResult:
    """Run ClickHouse SQL that only reads, within limits of time, memory and rows."""
    async with audited(request, used, "telemetry.sql", asked.sql):
        started = time.perf_counter()
        table = await used.telemetry.table(
            asked.sql, timeout_s=asked.timeout_s, most_rows=asked.most_rows
        )
    return SqlResult(
        columns=tuple(
            SqlColumn(name=name, type=kind)
            for name, kind in zip(table.columns, table.types, strict=True)
        ),
        rows=tuple(tuple(map(_plain, row)) for row in table.rows),
        truncated=table.truncated,
        took_ms=round((time.perf_counter() - started) * 1000, 1),
    )


def _plain(value: object) -> object:
    """As JSON has it; large whole numbers as text, since browsers have floats only."""
    match value:
        case bool() | None | str():
            return value
        case int():
            return value if abs(value) < 2**53 else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime() | date():
            return value.isoformat()
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case _:
            return str(value)
