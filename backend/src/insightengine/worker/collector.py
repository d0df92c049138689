"""The collector process: receives OTLP and reads the platform's own sources into the spool."""

from __future__ import annotations

import asyncio
import resource
from functools import partial

import structlog

from insightengine.core.settings import PortOffset, Settings
from insightengine.telemetry.ingest_keys import IngestKeys
from insightengine.telemetry.receive.cross_origin import CrossOrigin
from insightengine.telemetry.receive.exchange import Budget
from insightengine.telemetry.receive.front import Front
from insightengine.telemetry.receive.gate import Gate
from insightengine.telemetry.receive.http1 import HttpServer
from insightengine.telemetry.receive.intake import Intake
from insightengine.telemetry.receive.otlp_grpc import OtlpGrpc
from insightengine.telemetry.receive.otlp_http import OtlpHttp
from insightengine.telemetry.redaction import RedactionRules, Redactor
from insightengine.telemetry.sources import run_sources
from insightengine.telemetry.sources.pipeline import measure_intake
from insightengine.telemetry.spool import SpoolLimits, open_spool
from insightengine.wiring.environment import PlatformContext, read_secret
from insightengine.wiring.recovery_health import measure_recovery
from insightengine.wiring.secrets import INGEST_KEY
from insightengine.worker.process import run

_BODIES_IN_MEMORY = 8
_FILES = 16_384
_log = structlog.get_logger("collector")


async def collect(context: PlatformContext, stop: asyncio.Event) -> None:
    """Ends in the order that loses nothing: requests answered, sources flushed, segments closed."""
    settings = context.settings
    limits = SpoolLimits(
        settings.spool_max_bytes, settings.spool_segment_bytes, settings.spool_segment_age_s
    )
    _allow_many_connections()
    redactor = Redactor(
        RedactionRules.of(_words(settings.redact_fields), _words(settings.redact_patterns))
    )
    prepare = redactor.apply if redactor.is_on else None
    spool = open_spool(context.state.spool, limits, prepare)
    budget = Budget(_BODIES_IN_MEMORY * settings.otlp_max_body_bytes)
    has_own = context.state.secret(INGEST_KEY).exists()
    gate = Gate(
        IngestKeys(context.state.collector),
        is_required=settings.otlp_require_key,
        own=read_secret(context.state, INGEST_KEY) if has_own else None,
    )
    intake = Intake(spool, budget, settings.otlp_max_body_bytes, gate, redactor)
    try:
        server = HttpServer(_front(settings, intake), settings.otlp_max_body_bytes, budget)
        port = await server.listen(settings.listen_host, settings.port(PortOffset.COLLECTOR))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(stop))
            own = {
                "collector": partial(measure_intake, intake.counters),
                "recovery": partial(measure_recovery, settings),
            }
            tasks.create_task(run_sources(context, spool, stop, own))
            _log.info("collector accepts", port=port, spool=str(context.state.spool))
    finally:
        stop.set()
        intake.close()
        await spool.close()


def _front(settings: Settings, intake: Intake) -> Front:
    http = OtlpHttp(intake, CrossOrigin(frozenset(_words(settings.otlp_allowed_origins))))
    grpc = OtlpGrpc(intake, settings.otlp_grpc_max_message_bytes)
    return Front(http, grpc, settings.otlp_max_body_bytes)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _allow_many_connections() -> None:
    """A shell's usual limit of 1024 files is less than a busy collector has senders."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, _FILES)), hard))


if __name__ == "__main__":
    run("collector", collect)
