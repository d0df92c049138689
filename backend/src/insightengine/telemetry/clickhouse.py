"""The telemetry store over ClickHouse's HTTP interface: our store process, or a real cluster."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Final

import aiohttp
import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import ClickHouseError
from clickhouse_connect.driver.query import QueryResult

from insightengine.core.errors import (
    InsightError,
    InvalidInputError,
    LimitExceededError,
    UnavailableError,
)
from insightengine.core.secrets import Secret
from insightengine.telemetry.port import Table
from insightengine.telemetry.schema import DATABASE

# ClickHouse error codes: TOO_SLOW, TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED, TOO_MANY_ROWS,
# TOO_MANY_ROWS_OR_BYTES, TOO_MANY_SIMULTANEOUS_QUERIES, QUERY_WAS_CANCELLED.
_LIMIT_CODES: Final = frozenset({158, 159, 160, 202, 241, 394, 396})
_ACCESS_CODES: Final = frozenset({192, 193, 194, 516})
_GRACE_S: Final = 2.0
_MOST_BYTES_READ: Final = 50 * 1024**3


class ClickHouseStore:
    """`telemetry.port.TelemetryStore`. Connects at the first use, and again after a lost store."""

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        password: Secret,
        *,
        database: str = DATABASE,
        default_timeout_s: float = 20.0,
    ) -> None:
        self._host = host
        self._port = port
        self._user = user
        self._password = password
        self._database = database
        self._default_timeout_s = default_timeout_s
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> list[dict[str, object]]:
        result = await self._ask(sql, parameters or {}, timeout_s or self._default_timeout_s, {})
        names = result.column_names
        return [dict(zip(names, row, strict=True)) for row in result.result_rows]

    async def table(self, sql: str, *, timeout_s: float, most_rows: int) -> Table:
        limits = {
            "max_result_rows": most_rows + 1,
            "result_overflow_mode": "break",
            "max_bytes_to_read": _MOST_BYTES_READ,
        }
        result = await self._ask(sql, {}, timeout_s, limits)
        return Table(
            columns=tuple(result.column_names),
            types=tuple(kind.name for kind in result.column_types),
            rows=tuple(tuple(row) for row in result.result_rows[:most_rows]),
            truncated=len(result.result_rows) > most_rows,
        )

    async def _ask(
        self,
        sql: str,
        parameters: Mapping[str, object],
        limit_s: float,
        limits: Mapping[str, object],
    ) -> QueryResult:
        settings = {
            "max_execution_time": limit_s,
            "cancel_http_readonly_queries_on_client_close": 1,
            **limits,
        }
        try:
            async with asyncio.timeout(limit_s + _GRACE_S):
                client = await self._connected()
                return await client.query(sql, parameters=dict(parameters), settings=settings)
        except TimeoutError:
            raise LimitExceededError(
                f"telemetry query was ended after {limit_s:g} s",
                code="query_timeout",
                hint="ask for a shorter time range",
            ) from None
        except (ClickHouseError, aiohttp.ClientError, OSError) as error:
            raise self._translated(error) from error

    async def ping(self) -> None:
        await self.query("SELECT 1", timeout_s=3.0)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await clickhouse_connect.get_async_client(
                    host=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password.reveal(),
                    database=self._database,
                    autogenerate_session_id=False,
                    connect_timeout=3,
                )
            return self._client

    def _translated(self, error: Exception) -> InsightError:
        code = getattr(error, "code", None)
        where = f"telemetry store on {self._host}:{self._port}"
        if code in _LIMIT_CODES:
            return LimitExceededError(
                f"{where} ended the query: {_said(error)}",
                code="query_limit",
                hint="ask for a shorter time range or a narrower filter",
            )
        if isinstance(code, int) and code not in _ACCESS_CODES:
            return InvalidInputError(
                f"{where} refused the query: {_said(error)}", code="query_refused"
            )
        return UnavailableError(
            f"{where} does not answer: {error}", code="store_unavailable", hint="insight status"
        )


def _said(error: Exception) -> str:
    """What the engine said, without what the client wraps around it."""
    text = str(error).removesuffix("\n")
    text = text.partition("DB::Exception: ")[2] or text
    return re.sub(r" \(for url [^)]*\)$", "", text)
