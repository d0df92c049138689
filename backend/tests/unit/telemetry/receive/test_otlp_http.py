"""Requests over HTTP, and what they are answered."""

from __future__ import annotations

import asyncio
import errno
import gzip
import json
import os
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

from insightengine.telemetry.port import Signal
from tests.unit.telemetry.receive.receiver import JSON, MAX_BODY, PROTOBUF, spooled, trace_request


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
