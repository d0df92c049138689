"""The store process: owns the ClickHouse data path, drains the spool, serves queries."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import asdict

import structlog

from insightengine.core.settings import PortOffset, Settings
from insightengine.telemetry.ingest import SignalIngester
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema.layout import SERVER_CODEC, ColdTier, Layout
from insightengine.telemetry.serving import serve
from insightengine.telemetry.store_engine import EngineLimits, StoreEngine
from insightengine.telemetry.store_query import StoreQueryError
from insightengine.telemetry.store_remote import RemoteStore
from insightengine.telemetry.store_server import StoreServer
from insightengine.telemetry.upkeep.arrivals import Arrivals, waiting_in
from insightengine.telemetry.upkeep.commands import Upkeep
from insightengine.telemetry.upkeep.copies import Copies
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.worker.process import run

_log = structlog.get_logger("store")


async def store(context: PlatformContext, stop: asyncio.Event) -> None:
    """Serves as soon as the tables are there; on the way out the current inserts are finished."""
    settings, state = context.settings, context.state
    password = read_secret(state, "store_password")
    engine = await asyncio.to_thread(_opened, context)
    state.spool.mkdir(parents=True, mode=0o700, exist_ok=True)
    turn = threading.Lock()
    ingesters = {
        signal: SignalIngester(state.spool, signal, engine, turn=turn) for signal in Signal
    }
    if isinstance(engine, StoreEngine) and engine.needs_rebuild:
        await asyncio.to_thread(_rebuild, engine, ingesters)
    upkeep = _upkeep(engine, context)
    if isinstance(engine, StoreEngine):
        await asyncio.to_thread(_take_in, upkeep)
    halt = threading.Event()
    threads = [
        threading.Thread(target=each.run, args=(halt,), name=f"ingest-{signal.value}")
        for signal, each in ingesters.items()
    ]
    threads.append(threading.Thread(target=upkeep.run, args=(halt,), name="upkeep"))
    server = StoreServer(engine, password, lambda: counters(ingesters), upkeep.answer)
    try:
        for thread in threads:
            thread.start()
        port = settings.port(PortOffset.STORE)
        _log.info("store answers", port=port, path=str(state.store))
        await serve(server, settings.listen_host, port, stop)
    finally:
        halt.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        await asyncio.to_thread(server.close)
        engine.close()


def _upkeep(engine: StoreEngine | RemoteStore, context: PlatformContext) -> Upkeep:
    settings = context.settings
    return Upkeep(
        engine,
        default_days=settings.telemetry_retention_days,
        most_bytes=settings.telemetry_max_bytes,
        layout=_layout(settings),
        arrivals=Arrivals(lambda: waiting_in(context.state.spool)),
        copies=Copies(engine, context.state.store) if isinstance(engine, StoreEngine) else None,
    )


def _take_in(upkeep: Upkeep) -> None:
    """Before anything new is inserted, which would make a partition look as if it were there."""
    try:
        upkeep.take_in()
    except (StoreQueryError, OSError):
        _log.exception("records that a restore brought were not taken in")


def _opened(context: PlatformContext) -> StoreEngine | RemoteStore:
    """The engine in this process, or the ClickHouse server that the settings name."""
    settings = context.settings
    if settings.clickhouse_url is None:
        return StoreEngine(context.state.store, _limits(settings))
    remote = RemoteStore(
        settings.clickhouse_url,
        settings.clickhouse_user,
        read_secret(context.state, "clickhouse_password"),
        query_timeout_s=settings.query_timeout_s,
        layout=_layout(settings),
    )
    remote.prepare()
    return remote


def _layout(settings: Settings) -> Layout:
    policy = settings.clickhouse_cold_policy
    cold = ColdTier(policy, settings.clickhouse_cold_days) if policy else None
    return Layout(settings.clickhouse_cluster, cold, SERVER_CODEC)


def _rebuild(engine: StoreEngine, ingesters: dict[Signal, SignalIngester]) -> None:
    """First takes up the batch that was under way: the rebuilt tables do not know its token."""
    for ingester in ingesters.values():
        ingester.drain()
    engine.rebuild()


def counters(ingesters: dict[Signal, SignalIngester]) -> dict[str, object]:
    """Per signal: what was inserted and set aside since the start, and what waits in the spool."""
    return {
        signal.value: {**asdict(each.counters), "lag": asdict(each.lag())}
        for signal, each in ingesters.items()
    }


def _limits(settings: Settings) -> EngineLimits:
    return EngineLimits(
        memory_bytes=settings.store_memory_bytes,
        query_timeout_s=settings.query_timeout_s,
    )


if __name__ == "__main__":
    run("store", store)
