"""The collector process: receives OTLP and reads the platform's own sources into the spool."""

from __future__ import annotations

import asyncio

import structlog

from insightengine.core.settings import PortOffset
from insightengine.telemetry.otlp import OtlpReceiver
from insightengine.telemetry.serving import serve
from insightengine.telemetry.sources import run_sources
from insightengine.telemetry.spool import SpoolLimits, open_spool
from insightengine.wiring.environment import PlatformContext
from insightengine.worker.process import run

_HOST = "127.0.0.1"
_log = structlog.get_logger("collector")


async def collect(context: PlatformContext, stop: asyncio.Event) -> None:
    """Ends in the order that loses nothing: requests answered, sources flushed, segments closed."""
    settings = context.settings
    limits = SpoolLimits(
        settings.spool_max_bytes, settings.spool_segment_bytes, settings.spool_segment_age_s
    )
    spool = open_spool(context.state.spool, limits)
    try:
        receiver = OtlpReceiver(spool, settings.otlp_max_body_bytes)
        port = settings.port(PortOffset.COLLECTOR)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(serve(receiver, _HOST, port, stop))
            tasks.create_task(run_sources(context, spool, stop))
            _log.info("collector accepts", port=port, spool=str(context.state.spool))
    finally:
        stop.set()
        await spool.close()


if __name__ == "__main__":
    run("collector", collect)
