"""What the product needs of a telemetry store: ClickHouse in process, or a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Signal(StrEnum):
    """The three kinds of telemetry; the value is the last part of the OTLP path."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


@dataclass(frozen=True, slots=True)
class Table:
    """An answer with its types, as the store names them."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool


class TelemetryStore(Protocol):
    """Reads over the tables of `telemetry.schema`; nothing can be written through it."""

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> list[dict[str, object]]:
        """Rows as column name → value. Parameters stand in the SQL as `{name:Type}`.

        Raises UnavailableError when the store does not answer, LimitExceededError when the query
        needs more than `timeout_s` (default: the store's own limit) or more memory than allowed,
        and InvalidInputError when the store refuses the SQL. Cancelled, it ends the query in the
        store too.
        """
        ...

    async def table(self, sql: str, *, timeout_s: float, most_rows: int) -> Table:
        """The answer of a person's own SQL, cut at `most_rows`. Raises what `query` raises."""
        ...

    async def ping(self) -> None:
        """Returns when the store answers queries; raises UnavailableError otherwise."""
        ...

    async def close(self) -> None:
        """Ends the connections. Idempotent."""
        ...
