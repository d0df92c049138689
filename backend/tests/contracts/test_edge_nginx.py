"""What clients see of the edge, with the real nginx and real upstream servers."""

from __future__ import annotations

import gzip
import http.client
import re
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.contracts.edge_harness import RunningEdge, edge_with_pages, running_edge

STRICT = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture(scope="module")
def edge() -> Iterator[RunningEdge]:
    with edge_with_pages() as running:
        yield running


def test_a_collector_that_does_not_answer_is_told_as_retryable(edge: RunningEdge) -> None:
    answer = httpx.post(edge.url("otlp") + "/v1/logs", content=b"x" * 100_000)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"
    assert answer.json()["code"] == 14


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/missing", 404),
        ("/api/echo", 200),
        ("/api/status/404", 404),
        ("/api/status/500", 500),
        ("/api/breaks", 502),
        ("/_next/static/chunk.js", 200),
    ],
)
def test_security_headers_are_on_every_status(edge: RunningEdge, path: str, status: int) -> None:
    answer = httpx.get(edge.url("console") + path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in STRICT} == STRICT
    assert "server" not in answer.headers
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


def test_a_body_over_the_limit_is_refused_as_a_problem(edge: RunningEdge) -> None:
    answer = httpx.post(edge.url("console") + "/api/echo", content=b"x" * 65537)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (413, "body_too_large")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert {name: answer.headers.get(name) for name in STRICT} == STRICT


def test_headers_that_an_application_set_itself_are_left_alone(edge: RunningEdge) -> None:
    answer = httpx.get(edge.url("web") + "/own-headers")
    assert answer.headers.get_list("x-frame-options") == ["ALLOWALL"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers.get_list("x-insight-release") == ["r1"]
    assert answer.headers["x-insight-colour"] == "blue"


def test_text_is_compressed_for_clients_that_take_it(edge: RunningEdge) -> None:
    with httpx.stream("GET", edge.url("web") + "/large") as answer:
        packed = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(packed) < 2000 < len(gzip.decompress(packed))


def test_hashed_assets_are_kept_for_a_year_and_pages_are_asked_for_again(
    edge: RunningEdge,
) -> None:
    asset = httpx.get(edge.url("console") + "/_next/static/chunk.js")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"] == "text/javascript; charset=utf-8"
    gone = httpx.get(edge.url("console") + "/_next/static/gone.js")
    assert gone.status_code == 404
    assert "immutable" not in gone.headers.get("cache-control", "")
    page = httpx.get(edge.url("console") + "/monitoring/")
    assert page.headers["cache-control"] == "no-cache"
    again = httpx.get(
        edge.url("console") + "/monitoring/", headers={"if-none-match": page.headers["etag"]}
    )
    assert again.status_code == 304
    assert {name: again.headers.get(name) for name in STRICT} == STRICT


def test_a_page_is_reached_with_and_without_its_slash(edge: RunningEdge) -> None:
    answer = httpx.get(edge.url("console") + "/monitoring?range=1h")
    assert answer.status_code == 301
    assert answer.headers["location"] == "/monitoring/?range=1h"
    page = httpx.get(edge.url("console") + answer.headers["location"])
    assert page.text == "<p>monitoring</p>"


def test_an_unknown_page_shows_the_exports_own(edge: RunningEdge) -> None:
    answer = httpx.get(edge.url("console") + "/nowhere/")
    assert (answer.status_code, answer.text) == (404, "<p>not found</p>")


def test_the_icon_is_there_under_the_name_that_browsers_ask_for_by_themselves(
    edge: RunningEdge,
) -> None:
    answer = httpx.get(edge.url("console") + "/favicon.ico")
    assert (answer.status_code, answer.text) == (200, "<svg/>")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert {name: answer.headers.get(name) for name in STRICT} == STRICT


def test_before_the_first_build_a_page_tells_the_command() -> None:
    with running_edge() as edge:
        answer = httpx.get(edge.url("console") + "/")
        assert answer.status_code == 503
        assert "npm run build" in answer.text
        assert httpx.get(edge.url("console") + "/monitoring/").status_code == 404


def test_log_ins_are_limited_with_a_problem_that_says_when_to_try_again(
    edge: RunningEdge,
) -> None:
    url = edge.url("console") + "/api/v1/auth/login"
    answers = [httpx.post(url, json={}) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 6 + [429] * 2
    assert answers[-1].json()["code"] == "limit_exceeded"
    assert answers[-1].headers["content-type"] == "application/problem+json"
    assert answers[-1].headers["retry-after"] == "6"


def test_a_service_that_does_not_run_yet_is_told_as_starting() -> None:
    with running_edge() as edge:
        for (site, colour), path in zip(
            list(edge.upstreams), ["/", "/api/v1/platform"], strict=True
        ):
            edge.kill_upstream(site, colour)
            answer = httpx.get(edge.url(site) + path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "2"
            assert answer.headers["x-request-id"] in answer.text
            assert answer.headers["cache-control"] == "no-store"
        assert answer.json()["code"] == "unavailable"


def test_a_service_that_breaks_off_is_told_with_the_request_id(edge: RunningEdge) -> None:
    page = httpx.get(edge.url("web") + "/breaks")
    assert page.status_code == 502
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-request-id"] in page.text
    problem = httpx.get(edge.url("console") + "/api/breaks")
    assert problem.status_code == 502
    assert problem.json()["request_id"] == problem.headers["x-request-id"]


def test_an_applications_own_errors_pass_unchanged(edge: RunningEdge) -> None:
    for status in (404, 418, 429, 500, 502, 503):
        answer = httpx.get(edge.url("web") + f"/status/{status}")
        assert (answer.status_code, answer.json()) == (status, {"colour": "blue"})


@pytest.mark.parametrize(("site", "path"), [("web", "/events"), ("console", "/api/events")])
def test_events_arrive_as_they_are_sent(edge: RunningEdge, site: str, path: str) -> None:
    started = time.monotonic()
    with httpx.stream(
        "GET", edge.url(site) + path, headers={"accept": "text/event-stream"}
    ) as answer:
        first = next(answer.iter_lines())
        assert first == "data: 0"
        assert time.monotonic() - started < 1.5  # the whole stream takes two seconds
        assert answer.headers["content-type"] == "text/event-stream"


def test_a_connection_can_be_upgraded(edge: RunningEdge) -> None:
    connection = http.client.HTTPConnection(edge.url("web").removeprefix("http://"), timeout=5)
    connection.request(
        "GET",
        "/socket",
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
        },
    )
    sock = connection.sock
    assert sock is not None
    head = sock.recv(4096)
    assert head.startswith(b"HTTP/1.1 101")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    sock.sendall(b"\x81\x02hi")
    assert sock.recv(4096) == b"\x81\x02hi"
    connection.close()
