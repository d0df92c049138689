"""The telemetry store as backups need it: asked over HTTP, its links read from disk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from insightengine.core.errors import InsightError, InvalidInputError, UnavailableError
from insightengine.core.settings import PortOffset
from insightengine.recovery.house import FrozenRecords
from insightengine.telemetry.schema import USER, migrations
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.wiring.store_commands import told, unanswered

_CONNECT_S = 5.0
_ANSWER_S = 1800.0  # a store with a million parts links or takes in each of them


class LocalRecords:
    """`recovery.house.RecordStore` of the platform in this context."""

    def __init__(self, context: PlatformContext) -> None:
        self._context = context

    @contextmanager
    def frozen(self) -> Iterator[FrozenRecords]:
        found = self._ask("freeze")
        try:
            tables = {name: Path(folder) for name, folder in found["tables"].items()}
            if not all(folder.is_dir() for folder in tables.values()):
                raise _elsewhere()
            yield FrozenRecords(int(found["version"]), tables)
        finally:
            with suppress(InsightError):  # the next freeze removes what this one has left
                self._ask("thaw")

    def stored(self) -> frozenset[str]:
        """Asks nobody before the first start of the store, whose folder is empty until then."""
        if self._context.settings.clickhouse_url is not None:
            raise _elsewhere()
        if not (self._context.state.store / "metadata").exists():
            return frozenset()
        return frozenset(self._ask("stored")["partitions"])

    @property
    def version(self) -> int:
        return migrations.LATEST

    @property
    def fetching(self) -> Path:
        return self._context.state.store / "fetching"

    @property
    def arriving(self) -> Path:
        return self._context.state.store / "arriving"

    def take_in(self) -> Mapping[str, Any] | None:
        try:
            return self._ask("take_in")
        except UnavailableError as error:
            if error.code != "store_unavailable":
                raise
            return None

    def _ask(self, command: str) -> Mapping[str, Any]:
        """Raises UnavailableError: `store_unavailable` for one that does not run or ended, another
        code for one that failed or is still at it."""
        settings = self._context.settings
        try:
            answer = httpx.post(
                f"http://{settings.store_host}:{settings.port(PortOffset.STORE)}/upkeep",
                content=json.dumps({"command": command}),
                auth=(USER, read_secret(self._context.state, "store_password").reveal()),
                timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            )
        except httpx.ReadTimeout:
            raise UnavailableError(
                f"the telemetry store is not done with `{command}` after {_ANSWER_S:g} s",
                code="store_busy",
                hint="insight logs store",
            ) from None
        except httpx.HTTPError as error:
            raise unanswered(error) from None
        return told(answer)


def _elsewhere() -> InvalidInputError:
    return InvalidInputError(
        "the files of the telemetry store are not on this machine",
        hint="take telemetry out of x-insight.backup.include; ClickHouse has BACKUP and RESTORE",
    )
