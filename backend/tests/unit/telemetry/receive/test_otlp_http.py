from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from insightengine.telemetry import segments
from insightengine.telemetry.ingest_keys import IngestKeys
from insightengine.telemetry.port import Signal
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

MAX_BODY = 100_000
MAX_MESSAGE = 50_000
RULES = RedactionRules.of(["password"], ["card", "token", "email"])
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


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


async def test_what_a_key_brought_carries_the_name_of_its_source(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    key = IngestKeys(tmp_path / "keys").create("shop").text.reveal()
    body = trace_request().SerializeToString()
    for headers in ({}, {"authorization": f"Bearer {key}"}):
        answer = await http.post("/v1/traces", content=body, headers=PROTOBUF | headers)
        assert answer.status_code == 200
    (path,) = tmp_path.glob("*.open")
    scan = segments.scan(path.read_bytes())
    assert [record.source for record in scan.records] == ["", "shop"]
    assert spooled(tmp_path) == [body, body]


async def test_a_disk_that_refuses_is_no_good_health_until_it_takes_again(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    body = trace_request().SerializeToString()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwritev", full)
        patch.setattr(os, "pwrite", full)
        answer = await http.post("/v1/traces", content=body, headers=PROTOBUF)
        assert answer.status_code == 503
        assert (await http.get("/healthz")).json() == {
            "status": "degraded",
            "detail": "telemetry spool cannot write: No space left on device",
        }
    answer = await http.post("/v1/traces", content=body, headers=PROTOBUF)
    assert answer.status_code == 200
    assert (await http.get("/healthz")).json() == {"status": "ok"}


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


async def test_zstd_is_unpacked_and_bounded(http: httpx.AsyncClient, tmp_path: Path) -> None:
    headers = {**PROTOBUF, "content-encoding": "zstd"}
    body = trace_request().SerializeToString()
    whole = zstandard.compress(body)
    answers = [
        await http.post("/v1/traces", content=content, headers=headers)
        for content in (whole, whole[:-3], b"no zstd", zstandard.compress(bytes(MAX_BODY + 1)))
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 400, 413]
    assert spooled(tmp_path) == [body]


async def test_json_lines_become_log_records(http: httpx.AsyncClient, tmp_path: Path) -> None:
    lines = [
        {"service": "shop", "level": "error", "msg": "declined", "amount": 12, "nested": {"a": 1}},
        {"service.name": "mail", "message": "sent", "trace_id": "0a" * 16},
        {"message": "by nobody"},
    ]
    content = "\n".join([*map(json.dumps, lines), "", "no json", "[1]"])
    headers = {"content-type": "application/x-ndjson"}
    answer = await http.post("/v1/logs", content=content, headers=headers)
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedLogRecords"] == "2"
    assert "line 4" in partial["errorMessage"]
    (body,) = spooled(tmp_path)
    stored = ExportLogsServiceRequest.FromString(body)
    services = [r.resource.attributes[0].value.string_value for r in stored.resource_logs]
    assert services == ["shop", "mail", "unknown_service"]
    (declined,) = stored.resource_logs[0].scope_logs[0].log_records
    assert (declined.severity_number, declined.body.string_value) == (17, "declined")
    assert {pair.key for pair in declined.attributes} == {"service", "amount", "nested"}


async def test_lines_of_rubbish_are_refused_as_a_whole(http: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/x-ndjson"}
    answers = [
        await http.post(path, content=b"\xff\x00\n{", headers=headers)
        for path in ("/v1/logs", "/v1/traces")
    ]
    assert [answer.status_code for answer in answers] == [400, 415]


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://shop.example", True),
        ("http://127.0.0.1:8080", True),  # the host that the collector is asked under
        ("https://elsewhere.example", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_pages_of_allowed_origins_may_send(
    http: httpx.AsyncClient, origin: str, is_allowed: bool
) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    preflight = await http.options("/v1/traces", headers=asked)
    sent = await http.post("/v1/traces", content=b"", headers={**PROTOBUF, "origin": origin})
    refused = await http.post("/v1/traces", content=b"\xff", headers={**JSON, "origin": origin})
    assert (preflight.status_code, sent.status_code, refused.status_code) == (204, 200, 400)
    for answer in (preflight, sent, refused):
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed == (origin if is_allowed else None)
    assert (
        "content-type" in preflight.headers.get("access-control-allow-headers", "")
    ) is is_allowed


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", b"3"),
        (b"\0\0\0\0\5abc", b"3"),
        (b"\2\0\0\0\0", b"3"),
        (b"\1\0\0\0\3abc", b"3"),
        (b"\0\0\0\xc3\x51" + bytes(50_001), b"8"),
        (b"\0\0\0\0\0", b"0"),
    ],
)
async def test_frames_of_calls_are_checked(
    http: httpx.AsyncClient, body: bytes, code: bytes
) -> None:
    """httpx shows no trailers, so that the connection is read as it is."""
    method = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    head = (
        f"POST {method} HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc\r\n"
        f"grpc-encoding: gzip\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ngrpc-status: " + code + b"\r\n" in answer


async def test_a_wrong_key_is_refused_and_a_right_one_is_taken(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    key = IngestKeys(tmp_path / "keys").create("shop").text.reveal()
    body = trace_request().SerializeToString()
    answers = [
        await http.post("/v1/traces", content=body, headers={**PROTOBUF, **given})
        for given in (
            {"authorization": f"Bearer {key}"},
            {"x-insight-key": key},
            {"authorization": f"Bearer {key[:-1]}"},
            {"authorization": "Basic abc"},
        )
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 200]
    assert Status.FromString(answers[2].content).code == 16
    sources = (await http.get("/counters")).json()["sources"]
    assert sources["shop"]["accepted_bytes"] == 2 * len(body)  # another scheme is none of ours


async def test_who_sends_more_than_its_key_may_is_told_when_to_come_again(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    made = IngestKeys(tmp_path / "keys").create("shop", requests_per_s=0.2, bytes_per_s=100)
    headers = {**PROTOBUF, "authorization": f"Bearer {made.text.reveal()}"}
    body = trace_request(100).SerializeToString()
    answers = [await http.post("/v1/traces", content=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 429, 429]
    assert Status.FromString(answers[1].content).code == 8
    assert "bytes a second" in Status.FromString(answers[1].content).message
    assert "requests a second" in Status.FromString(answers[2].content).message
    assert int(answers[1].headers["retry-after"]) > 10
    assert len(spooled(tmp_path)) == 1


@pytest.mark.parametrize("spans", [1, 200])
async def test_what_the_rules_name_never_reaches_the_spool(
    http: httpx.AsyncClient, tmp_path: Path, spans: int
) -> None:
    """Small requests are cleaned on the event loop, large ones in a thread."""
    request = trace_request(spans)
    span = request.resource_spans[0].scope_spans[0].spans[-1]
    span.status.message = "mail to ann@example.org failed"
    span.attributes.add(key="db.user.Password").value.int_value = 12345
    nested = span.attributes.add(key="payment").value.kvlist_value.values.add(key="note").value
    nested.string_value = "card 4111 1111 1111 1111, order 4111111111111112"
    answer = await http.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)
    assert answer.status_code == 200
    (body,) = spooled(tmp_path)
    stored = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[-1]
    assert stored.status.message == "mail to [redacted] failed"
    assert stored.attributes[0].value.string_value == "[redacted]"
    note = stored.attributes[1].value.kvlist_value.values[0].value.string_value
    assert note == "card [redacted], order 4111111111111112"
