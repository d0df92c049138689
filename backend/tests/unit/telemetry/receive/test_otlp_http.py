from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from insightengine.telemetry import segments
from insightengine.telemetry.port import Signal
from insightengine.telemetry.receive.exchange import Budget
from insightengine.telemetry.receive.http1 import HttpServer
from insightengine.telemetry.receive.intake import Intake
from insightengine.telemetry.receive.otlp_http import OtlpHttp
from insightengine.telemetry.spool import SpoolLimits, open_spool

MAX_BODY = 100_000
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    spool = open_spool(tmp_path, SpoolLimits(200_000, 50_000, 60))
    budget = Budget(8 * MAX_BODY)
    intake = Intake(spool, budget, MAX_BODY)
    server = HttpServer(OtlpHttp(intake, MAX_BODY), MAX_BODY, budget)
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


def trace_request(spans: int = 1) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for _ in range(spans):
        scope.spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, name="GET /")
    return request


def spooled(folder: Path) -> list[bytes]:
    found: list[bytes] = []
    for path in folder.glob("*.open"):
        content = path.read_bytes()
        found += [content[r.request_start : r.end] for r in segments.scan(content).records]
    return found


async def test_a_protobuf_request_is_in_the_spool_when_answered(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    body = trace_request(3).SerializeToString()
    answer = await http.post("/v1/traces", content=body, headers=PROTOBUF)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answer.content) == ExportTraceServiceResponse()
    assert spooled(tmp_path) == [body]
    counters = (await http.get("/counters")).json()
    assert counters["signals"]["traces"]["accepted_entries"] == 3
    assert counters["spooled_bytes"] > 0


async def test_gzip_is_unpacked(http: httpx.AsyncClient, tmp_path: Path) -> None:
    body = trace_request().SerializeToString()
    headers = {**PROTOBUF, "content-encoding": "gzip"}
    answer = await http.post("/v1/traces", content=gzip.compress(body), headers=headers)
    assert answer.status_code == 200
    assert spooled(tmp_path) == [body]


async def test_json_has_hex_ids_and_is_answered_in_json(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "eee19b7ec3c1b174",
        "name": "server",
        "kind": 2,
        "startTimeUnixNano": "1700000000000000001",
        "endTimeUnixNano": 1700000000000000002,
        "aFieldOfTheFuture": {"x": 1},
        "attributes": [{"key": "n", "value": {"intValue": "9007199254740993"}}],
    }
    content = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    answer = await http.post("/v1/traces", json=content)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {}
    (body,) = spooled(tmp_path)
    stored = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[0]
    assert stored.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert stored.span_id.hex() == "eee19b7ec3c1b174"
    assert stored.start_time_unix_nano == 1700000000000000001
    assert stored.attributes[0].value.int_value == 9007199254740993


async def test_an_empty_request_is_a_success_that_stores_nothing(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    for headers, body in ((PROTOBUF, b""), (JSON, b"{}"), (JSON, b"")):
        answer = await http.post("/v1/logs", content=body, headers=headers)
        assert answer.status_code == 200
    assert ExportLogsServiceResponse.FromString(b"") == ExportLogsServiceResponse()
    assert spooled(tmp_path) == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (PROTOBUF, b"\xff\xff\xff\xff"),
        ({**PROTOBUF, "content-encoding": "gzip"}, b"no gzip"),
        ({**PROTOBUF, "content-encoding": "gzip"}, gzip.compress(b"cut short" * 50)[:-9]),
    ],
)
async def test_malformed_bytes_get_400_with_a_protobuf_status(
    http: httpx.AsyncClient, tmp_path: Path, headers: dict[str, str], body: bytes
) -> None:
    answer = await http.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == 400
    status = Status.FromString(answer.content)
    assert status.code == 3
    assert status.message
    assert spooled(tmp_path) == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"resourceSpans": 1}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_malformed_json_gets_400_with_a_json_status(
    http: httpx.AsyncClient, body: bytes
) -> None:
    answer = await http.post("/v1/traces", content=body[:MAX_BODY], headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3
    assert answer.json()["message"]


async def test_the_size_is_limited_after_decompression(http: httpx.AsyncClient) -> None:
    headers = {**PROTOBUF, "content-encoding": "gzip"}
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(bomb) < MAX_BODY
    for body, with_headers in ((bomb, headers), (b"\0" * (MAX_BODY + 1), PROTOBUF)):
        answer = await http.post("/v1/traces", content=body, headers=with_headers)
        assert answer.status_code == 413
        assert Status.FromString(answer.content).code == 8


async def test_a_full_spool_says_when_to_come_again(http: httpx.AsyncClient) -> None:
    body = trace_request(2500).SerializeToString()
    answers = [await http.post("/v1/traces", content=body, headers=PROTOBUF) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 503]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert Status.FromString(answers[-1].content).code == 14
    rejected = (await http.get("/counters")).json()["signals"]["traces"]["rejected"]
    assert rejected == {"503": 1}


async def test_other_types_methods_and_paths_are_refused(http: httpx.AsyncClient) -> None:
    text = await http.post("/v1/logs", content=b"x", headers={"content-type": "text/plain"})
    brotli = await http.post(
        "/v1/logs", content=b"x", headers={**PROTOBUF, "content-encoding": "br"}
    )
    read = await http.get("/v1/logs")
    unknown = await http.post("/v1/profiles", content=b"", headers=PROTOBUF)
    assert [text.status_code, brotli.status_code, read.status_code] == [415, 415, 405]
    assert read.headers["allow"] == "POST"
    assert unknown.status_code == 404


async def test_health_is_answered(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}


async def test_counters_name_every_signal(http: httpx.AsyncClient) -> None:
    counters = json.loads((await http.get("/counters")).content)
    assert set(counters["signals"]) == {signal.value for signal in Signal}
