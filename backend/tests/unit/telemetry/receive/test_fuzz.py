"""Malformed input for every receiver: an answer each time, never a crash, and no growth.

The ordinary suite takes a few thousand inputs; INSIGHT_FUZZ_INPUTS=1000000 takes as many as that.
Each input follows from its number, which a failure names.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import resource
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from insightengine.core.errors import InsightError
from insightengine.telemetry.ingest_keys import IngestKeys
from insightengine.telemetry.port import Signal
from insightengine.telemetry.receive.body import Encoding, MediaType, decompressed
from insightengine.telemetry.receive.cross_origin import CrossOrigin
from insightengine.telemetry.receive.exchange import Budget
from insightengine.telemetry.receive.front import Front
from insightengine.telemetry.receive.gate import Gate
from insightengine.telemetry.receive.http1 import HttpServer
from insightengine.telemetry.receive.intake import Intake, checked
from insightengine.telemetry.receive.otlp_grpc import OtlpGrpc
from insightengine.telemetry.receive.otlp_http import OtlpHttp
from insightengine.telemetry.redaction import RedactionRules, Redactor
from insightengine.telemetry.spool import SpoolLimits, open_spool

INPUTS = int(os.environ.get("INSIGHT_FUZZ_INPUTS", "6000"))
pytestmark = pytest.mark.timeout(max(120, INPUTS // 1000))
LIMIT = 100_000
_JSON = (
    b'{"resourceLogs":[{"scopeLogs":[{"logRecords":'
    b'[{"body":{"stringValue":"x"},"traceId":"ab"}]}]}]}'
)
_LINES = b'{"message":"x","level":"error","time":"2026-01-01T00:00:00Z"}\nplain\n{"a":{"b":[1]}}\n'


def _bodies() -> dict[Signal, bytes]:
    traces, logs = ExportTraceServiceRequest(), ExportLogsServiceRequest()
    metrics = ExportMetricsServiceRequest()
    span = traces.resource_spans.add().scope_spans.add().spans.add(name="n", trace_id=b"\1" * 16)
    span.events.add(name="e").attributes.add(key="k").value.array_value.values.add().int_value = 3
    record = logs.resource_logs.add().scope_logs.add().log_records.add(severity_text="INFO")
    record.body.kvlist_value.values.add(key="k").value.string_value = "v"
    points = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    points.histogram.data_points.add(count=3, bucket_counts=[1, 2], explicit_bounds=[0.5])
    return {
        Signal.TRACES: traces.SerializeToString(),
        Signal.LOGS: logs.SerializeToString(),
        Signal.METRICS: metrics.SerializeToString(),
    }


def mutated(chance: random.Random, body: bytes) -> bytes:
    """A few of: bytes changed, cut, doubled, moved, lengths made huge, rubbish put in."""
    content = bytearray(body)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(content) + 1)
        match chance.randrange(6):
            case 0 if content:
                content[at % len(content)] = chance.randrange(256)
            case 1:
                del content[at:]
            case 2:
                content[at:at] = content[at : at + chance.randrange(40)]
            case 3:
                content[at:at] = chance.randbytes(chance.randrange(12))
            case 4:
                content[at:at] = b"\xff" * chance.randrange(1, 11)
            case _:
                del content[at : at + chance.randrange(8)]
    return bytes(content)


def _input(number: int, bodies: dict[Signal, bytes]) -> tuple[Signal, MediaType, Encoding, bytes]:
    chance = random.Random(number)
    signal = chance.choice(list(Signal))
    media_type = chance.choice(list(MediaType))
    plain = {MediaType.JSON: _JSON, MediaType.JSON_LINES: _LINES}.get(media_type, bodies[signal])
    body = mutated(chance, plain)
    encoding = chance.choice(list(Encoding))
    packed = {Encoding.GZIP: gzip.compress, Encoding.ZSTD: zstandard.compress}.get(encoding, bytes)
    body = packed(body)
    return signal, media_type, encoding, mutated(chance, body) if chance.random() < 0.5 else body


def test_malformed_bodies_are_accepted_or_refused_and_nothing_grows() -> None:
    bodies, outcomes = _bodies(), Counter[int]()
    redactor = Redactor(RedactionRules.of(["k"], ["card", "token", "email"]))
    peak_kib = 0
    for number in range(INPUTS):
        signal, media_type, encoding, body = _input(number, bodies)
        try:
            found = checked(signal, media_type, decompressed(body, encoding, LIMIT))
            redactor.apply(signal, found.payload)
            outcomes[200] += 1
        except InsightError as error:
            outcomes[error.http_status] += 1
        except Exception as error:
            raise AssertionError(f"input {number}: {error!r}") from error
        if number == INPUTS // 2:
            peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert set(outcomes) <= {200, 400, 413}
    assert outcomes[200] > INPUTS // 20
    assert outcomes[400] > INPUTS // 20
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kib
    assert grown_kib < 32 * 1024


_HEADS = (
    b"POST /v1/logs HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 2\r\n\r\n{}",
    b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n0\r\n\r\n",
    b"POST /opentelemetry.proto.collector.logs.v1.LogsService/Export HTTP/1.1\r\nHost: x\r\n"
    b"Content-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    b"OPTIONS /v1/logs HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nExpect: 100-continue\r\n\r\n",
)


async def test_malformed_requests_on_the_wire_are_answered_and_the_server_lives(
    tmp_path: Path,
) -> None:
    spool = open_spool(tmp_path, SpoolLimits(10_000_000, 1_000_000, 60))
    budget = Budget(8 * LIMIT)
    gate = Gate(IngestKeys(tmp_path), is_required=False)
    intake = Intake(spool, budget, LIMIT, gate, Redactor(RedactionRules.of([], [])))
    front = Front(OtlpHttp(intake, CrossOrigin(frozenset())), OtlpGrpc(intake, LIMIT), LIMIT)
    server = HttpServer(front, LIMIT, budget)
    port = await server.listen("127.0.0.1", 0)
    stop = asyncio.Event()
    serving = asyncio.create_task(server.serve(stop))
    statuses = Counter[bytes]()
    for number in range(INPUTS // 20):
        chance = random.Random(number)
        content = mutated(chance, chance.choice(_HEADS))
        statuses[await _sent(port, content)] += 1
    assert await _sent(port, _HEADS[0]) == b"200"
    stop.set()
    await serving
    await spool.close()
    intake.close()
    assert budget.used == 0
    known = {b"", b"100", b"200", b"204", b"400", b"401", b"404", b"405", b"413", b"415"}
    assert set(statuses) <= known, statuses


async def _sent(port: int, content: bytes) -> bytes:
    """The status of the first answer; nothing for a request that never became whole."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 20)
    except OSError:
        return b""
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    assert not answer or answer.startswith(b"HTTP/1.1 ")
    return answer[9:12]


@pytest.mark.parametrize("signal", list(Signal))
def test_text_that_is_not_utf_8_costs_no_other_record(signal: Signal) -> None:
    """Of all strings in a request, only wrong bytes are replaced."""
    body = _bodies()[signal]
    strings = {Signal.TRACES: b"n", Signal.LOGS: b"INFO", Signal.METRICS: b"m"}
    wrong = body.replace(strings[signal], b"\xff" * len(strings[signal]), 1)
    found = checked(signal, MediaType.PROTOBUF, wrong)
    assert found.entries == 1
    assert "UTF-8" in found.outcome.message
    assert "\ufffd".encode() in found.payload
