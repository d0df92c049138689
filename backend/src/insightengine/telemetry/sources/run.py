"""Runs all sources until told to stop. One that fails says so once, and is tried again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import structlog

from insightengine.core.secrets import Secret
from insightengine.core.settings import PortOffset, Settings, StateFolder
from insightengine.telemetry.port import Signal
from insightengine.telemetry.sources.host import HostSampler
from insightengine.telemetry.sources.pipeline import measure_store
from insightengine.telemetry.sources.records import Measured, encode_metrics
from insightengine.telemetry.sources.servers import (
    ServerUnreachableError,
    measure_postgres,
    measure_valkey,
)
from insightengine.telemetry.sources.status import read_snapshot
from insightengine.telemetry.sources.tail import LogTailer
from insightengine.telemetry.spool import Spool, SpoolUnavailableError

_SERVER_INTERVAL_S: Final = 10.0
_log = structlog.get_logger("collector.metrics")


class SourcesContext(Protocol):
    """The settings of a platform and where its state lies."""

    @property
    def settings(self) -> Settings: ...
    @property
    def state(self) -> StateFolder: ...


Measure = Callable[[], Sequence[Measured]]


async def run_sources(
    context: SourcesContext,
    spool: Spool,
    stop: asyncio.Event,
    others: Mapping[str, Measure] | None = None,
) -> None:
    """Returns soon after `stop` is set; what was read is in the spool then, or read again.

    `others` are measured as well, by the name that a log line gives them.
    """
    state, settings = context.state, context.settings
    state.collector.mkdir(parents=True, exist_ok=True)
    status_file = state.run / "status.json"
    tailer = LogTailer(state.logs, state.collector / "positions.json", status_file, spool)
    sampler = HostSampler(state.root)
    sources: dict[str, tuple[Measure, float]] = {
        "host": (
            lambda: sampler.measure(read_snapshot(status_file)),
            settings.host_metrics_interval_s,
        ),
        "postgres": (
            lambda: [
                measure_postgres(
                    settings.postgres_host,
                    settings.port(PortOffset.POSTGRES),
                    _secret(state, "postgres_insight_password"),
                )
            ],
            _SERVER_INTERVAL_S,
        ),
        "valkey": (
            lambda: [
                measure_valkey(
                    settings.valkey_host,
                    settings.port(PortOffset.VALKEY),
                    _secret(state, "valkey_password"),
                )
            ],
            _SERVER_INTERVAL_S,
        ),
        "store": (
            lambda: [
                measure_store(
                    settings.store_host,
                    settings.port(PortOffset.STORE),
                    _secret(state, "store_password"),
                )
            ],
            _SERVER_INTERVAL_S,
        ),
    }
    sources |= {name: (measure, _SERVER_INTERVAL_S) for name, measure in (others or {}).items()}
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tailer.run(stop))
        for name, (measure, interval_s) in sources.items():
            tasks.create_task(_keep_measuring(name, measure, interval_s, spool, stop))


async def _keep_measuring(
    name: str, measure: Measure, interval_s: float, spool: Spool, stop: asyncio.Event
) -> None:
    failed = False
    while not stop.is_set():
        try:
            found = await asyncio.to_thread(measure)
            await spool.append(Signal.METRICS, encode_metrics(found))
            failed = False
        except (ServerUnreachableError, SpoolUnavailableError, OSError) as error:
            if not failed:
                _log.warning(f"{name} is not measured", reason=str(error))
            failed = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), interval_s)


def _secret(state: StateFolder, name: str) -> Secret:
    return Secret(state.secret(name).read_text(encoding="utf-8").strip())
