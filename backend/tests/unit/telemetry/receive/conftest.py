"""A running receiver with a spool of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

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
from insightengine.telemetry.spool import SpoolLimits, open_spool
from tests.unit.telemetry.receive.receiver import MAX_BODY, MAX_MESSAGE

RULES = RedactionRules.of(["password"], ["card", "token", "email"])


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    spool = open_spool(tmp_path, SpoolLimits(200_000, 50_000, 60))
    budget = Budget(8 * MAX_BODY)
    gate = Gate(IngestKeys(tmp_path / "keys"), is_required=False)
    intake = Intake(spool, budget, MAX_BODY, gate, Redactor(RULES))
    front = Front(
        OtlpHttp(intake, CrossOrigin(frozenset({"https://shop.example"}))),
        OtlpGrpc(intake, MAX_MESSAGE),
        MAX_BODY,
    )
    server = HttpServer(front, MAX_BODY, budget)
    port = await server.listen("127.0.0.1", 0)
    stop = asyncio.Event()
    serving = asyncio.create_task(server.serve(stop))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    stop.set()
    await serving
    await spool.close()
    intake.close()
    assert budget.used == 0
