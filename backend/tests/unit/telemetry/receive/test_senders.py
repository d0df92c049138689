"""Who may send, how much, from which pages, and what of it is never kept."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from insightengine.telemetry import segments
from insightengine.telemetry.ingest_keys import IngestKeys
from tests.unit.telemetry.receive.receiver import JSON, PROTOBUF, spooled, trace_request


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
