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

_LIMIT_S = 1800.0  # to take parts in: a rename and a look at each


class LocalRecords:
    """`recovery.house.RecordStore` of the platform in this context."""

    def __init__(self, context: PlatformContext) -> None:
        self._context = context

    @contextmanager
    def frozen(self) -> Iterator[FrozenRecords]:
        found = self._ask("freeze")
        tables = {name: Path(folder) for name, folder in found["tables"].items()}
        self._require_here(tables)
        try:
            yield FrozenRecords(int(found["version"]), tables)
        finally:
            with suppress(InsightError):  # the next freeze removes what this one has left
                self._ask("thaw")

    def stored(self) -> frozenset[str]:
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
        settings = self._context.settings
        url = f"http://{settings.store_host}:{settings.port(PortOffset.STORE)}/upkeep"
        password = read_secret(self._context.state, "store_password").reveal()
        limit = httpx.Timeout(_LIMIT_S, connect=5.0)
        try:
            answer = httpx.post(
                url,
                content=json.dumps({"command": command}),
                auth=(USER, password),
                timeout=limit,
            )
        except httpx.HTTPError as error:
            raise unanswered(error) from None
        return told(answer)

    def _require_here(self, tables: Mapping[str, Path]) -> None:
        if any(not folder.is_dir() for folder in tables.values()):
            raise InvalidInputError(
                "the files of the telemetry store are not on this machine",
                hint="take telemetry out of x-insight.backup.include",
            )
