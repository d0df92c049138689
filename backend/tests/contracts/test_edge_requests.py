"""What the edge makes of a request: its trace, its log line, what services learn, attacks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from insightengine.core.colours import Colour
from insightengine.edge.models import Selection
from tests.contracts.edge_harness import RunningEdge, edge_with_pages, raw

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN_ID = "00f067aa0ba902b7"
TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])")


@pytest.fixture(scope="module")
def edge() -> Iterator[RunningEdge]:
    with edge_with_pages() as running:
        yield running


def echoed(edge: RunningEdge, headers: dict[str, str], site: str = "web") -> dict[str, str]:
    """The headers that reached the service."""
    answer = httpx.get(edge.url(site) + "/echo", headers=headers)
    return dict(answer.json()["headers"])


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_trace_is_created_where_the_client_sent_none(edge: RunningEdge) -> None:
    answer = httpx.get(edge.url("web") + "/echo")
    received = dict(answer.json()["headers"])
    found = TRACEPARENT.fullmatch(received["traceparent"])
    assert found
    line = edge.logged(answer.headers["x-request-id"])
    assert (line["trace_id"], line["span_id"]) == found.group(1, 2)
    assert line["parent_span_id"] == ""
    assert line["traceparent"] == received["traceparent"]
    assert received["x-request-id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("sent", "flags"),
    [
        (f"00-{TRACE_ID}-{SPAN_ID}-01", "01"),
        (f"00-{TRACE_ID}-{SPAN_ID}-00", "00"),
        (f"00-{TRACE_ID}-{SPAN_ID}-03", "01"),
        (f"cc-{TRACE_ID}-{SPAN_ID}-01-of-a-later-version", "01"),
    ],
)
def test_a_valid_trace_is_continued_by_a_span_of_the_edge(
    edge: RunningEdge, sent: str, flags: str
) -> None:
    answer = httpx.get(
        edge.url("web") + "/echo", headers={"traceparent": sent, "tracestate": "a=b"}
    )
    received = dict(answer.json()["headers"])
    found = TRACEPARENT.fullmatch(received["traceparent"])
    assert found
    assert found.group(1) == TRACE_ID
    assert found.group(2) != SPAN_ID
    assert found.group(3) == flags
    assert received["tracestate"] == "a=b"
    assert edge.logged(answer.headers["x-request-id"])["parent_span_id"] == SPAN_ID


@pytest.mark.parametrize(
    "sent",
    [
        "garbage",
        f"ff-{TRACE_ID}-{SPAN_ID}-01",
        f"00-{'0' * 32}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"00-{TRACE_ID.upper()}-{SPAN_ID}-01",
        f"00-{TRACE_ID}-{SPAN_ID}-01-more",
        f"00-{TRACE_ID}-{SPAN_ID}",
        f"00-{TRACE_ID}-{SPAN_ID}-01, 00-{TRACE_ID}-{SPAN_ID}-01",
    ],
)
def test_an_invalid_trace_is_replaced(edge: RunningEdge, sent: str) -> None:
    received = echoed(edge, {"traceparent": sent, "tracestate": "a=b"})
    found = TRACEPARENT.fullmatch(received["traceparent"])
    assert found
    assert found.group(1) != TRACE_ID
    assert "tracestate" not in received


def test_two_requests_have_different_traces_and_spans(edge: RunningEdge) -> None:
    spans = [TRACEPARENT.fullmatch(echoed(edge, {})["traceparent"]) for _ in range(20)]
    assert len({found.group(1) for found in spans if found}) == 20
    assert len({found.group(2) for found in spans if found}) == 20


@pytest.mark.parametrize(
    "agent",
    [
        b'","status":999,"x":"',
        b"\\",
        b"\xff\xfe not utf-8",
        "grüße \u2028 \U0001f600".encode(),
        b"tab\there",
        b"x" * 4000,
        b"\xf0\x9f\x98",
        ("\U0001f600" * 500).encode(),
    ],
)
def test_a_hostile_user_agent_leaves_the_log_line_valid(edge: RunningEdge, agent: bytes) -> None:
    answer = raw(
        edge,
        b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: "
        + agent
        + b"\r\n\r\n",
    )
    request_id = re.search(rb"(?i)x-request-id: (\w+)", answer)
    assert request_id
    line = edge.logged(request_id.group(1).decode())
    assert line["status"] == 200
    assert agent.decode("utf-8", "ignore").startswith(str(line["user_agent"]))


@pytest.mark.parametrize(
    ("target", "path", "route"),
    [
        (b"/", "/", "/"),
        (b"/orders/1234?card=4111", "/orders/1234", "/orders/:id"),
        (b"/a/9f1c2d3e-1111-2222-3333-444455556666/b/", None, "/a/:id/b"),
        (b"/api/v1/telemetry/traces/" + TRACE_ID.encode(), None, "/api/v1/telemetry/traces/:id"),
        (b"/products/red-shirt-7", "/products/red-shirt-7", "/products/:slug"),
        (b"/_next/static/x/y.js", None, "/_next/*"),
        (b"/img/photo17.JPG", None, "/*.JPG"),
        (b"/a/b/c/d/e/f/g/h", None, "/a/b/c/d/e/f/*"),
        (b"/status/404", "/status/404", "(unmatched)"),
        (b"/%22%7d\x80\xff", "/%22%7d", "/:id"),
        (b"http://localhost/absolute?x", "/absolute", "/absolute"),
    ],
)
def test_a_path_is_logged_without_its_query_and_has_a_route_of_few_values(
    edge: RunningEdge, target: bytes, path: str | None, route: str
) -> None:
    answer = raw(
        edge, b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    request_id = re.search(rb"(?i)x-request-id: (\w+)", answer)
    assert request_id
    line = edge.logged(request_id.group(1).decode())
    assert line["route"] == route
    assert line["query_present"] is (b"?" in target)
    if path is not None:
        assert line["path"] == path


def test_a_log_line_tells_who_answered_and_how_long_it_took(edge: RunningEdge) -> None:
    answer = httpx.get(
        edge.url("web") + "/echo", headers={"referer": "https://user:pw@x/", "user-agent": "t/1"}
    )
    line = edge.logged(answer.headers["x-request-id"])
    expected: dict[str, Any] = {
        "site": "web",
        "service": "web",
        "release": "r1",
        "colour": "blue",
        "method": "GET",
        "status": 200,
        "client": "127.0.0.1",
        "user_agent": "t/1",
        "referer_host": "",
        "protocol": "HTTP/1.1",
        "upstream_status": "200",
    }
    assert {key: line[key] for key in expected} == expected
    tick = 0.001  # nginx rounds both to its clock of milliseconds
    assert 0 <= float(str(line["upstream_s"])) <= float(str(line["duration_s"])) + tick < 5
    assert abs(float(str(line["msec"])) - time.time()) < 60


def test_the_console_is_the_api_below_its_prefix_and_the_console_elsewhere(
    edge: RunningEdge,
) -> None:
    page = httpx.get(edge.url("console") + "/")
    call = httpx.get(edge.url("console") + "/api/v1/x")
    lines = [edge.logged(answer.headers["x-request-id"]) for answer in (page, call)]
    assert [line["service"] for line in lines] == ["console", "api"]
    assert [line["release"] for line in lines] == ["a1", "a1"]
    assert [line["colour"] for line in lines] == ["blue", "blue"]
    assert lines[0]["upstream_s"] is None


def test_requests_to_the_collector_are_not_logged(edge: RunningEdge) -> None:
    httpx.post(edge.url("otlp") + "/v1/logs")
    after = httpx.get(edge.url("web") + "/echo")
    edge.logged(after.headers["x-request-id"])
    assert "otlp" not in {line["site"] for line in edge.log_lines()}


def test_services_learn_the_client_from_the_edge_only(edge: RunningEdge) -> None:
    received = echoed(
        edge,
        {
            "x-forwarded-for": "6.6.6.6",
            "x-forwarded-proto": "https",
            "x-forwarded-host": "evil.example",
            "x-real-ip": "6.6.6.6",
            "forwarded": "for=6.6.6.6",
            "x-request-id": "forged",
            "x-insight-release": "forged",
            "x-insight-admin": "guess",
            "proxy": "http://evil.example",
        },
    )
    assert received["x-forwarded-for"] == received["x-real-ip"] == "127.0.0.1"
    assert received["x-forwarded-proto"] == "http"
    assert received["x-forwarded-host"] == received["host"]
    assert received["x-request-id"] != "forged"
    assert received["x-insight-release"] == "r1"
    assert not {"forwarded", "proxy", "x-insight-admin"} & set(received)


ATTACKS = {
    "length and chunks": (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        {400},
    ),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        {400},
    ),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", {400}),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", {400}),
    "wrong host": (b"GET / HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n", {421}),
    "nine kilobytes of header": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9216 + b"\r\n\r\n",
        {400, 431},
    ),
    "too many headers": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 120 + b"\r\n",
        {400, 431},
    ),
    "trace": (b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n", {405}),
    "connect": (b"CONNECT evil:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 405}),
    "hidden file": (
        b"GET /.git/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        {404},
    ),
    "hidden file, encoded": (
        b"GET /%2egit/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        {404},
    ),
    "parent folder": (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "parent folder, encoded": (
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        {400},
    ),
    "parent folder, slash encoded": (
        b"GET /..%2f..%2fetc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        {400},
    ),
    "nul in the path": (b"GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "nul in a header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", {400}),
}


@pytest.mark.parametrize("site", ["web", "console"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_ends_at_the_edge(edge: RunningEdge, site: str, attack: str) -> None:
    request, allowed = ATTACKS[attack]
    answer = raw(edge, request, site)
    assert status_of(answer) in allowed, answer[:300]
    assert b"\r\nServer:" not in answer
    assert b"[secret]" not in answer
    edge.log_lines()


def test_the_pages_of_the_console_change_with_the_colour_of_its_api(edge: RunningEdge) -> None:
    blue, green = (edge.configuration.console.pages[colour] for colour in Colour)
    for name, text in {"index.html": "<p>green</p>", "_next/static/green.js": "2"}.items():
        path = green / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert (blue / "_next/static/chunk.js").exists()
    edge.start_upstream("console", Colour.GREEN)
    with httpx.Client(base_url=edge.url("console")) as client:
        before = client.get("/")
        edge.edge.switch("console", Selection(Colour.GREEN))
        after = client.get("/")
        own, left = client.get("/_next/static/green.js"), client.get("/_next/static/chunk.js")
        missing = client.get("/_next/static/none.js")
        edge.edge.switch("console", Selection(Colour.BLUE))
        ahead = client.get("/_next/static/green.js")
    shown = [(a.text, a.headers["x-insight-release"]) for a in (before, after)]
    assert shown == [("<p>start</p>", "a1"), ("<p>green</p>", "a2")]
    assert [own.status_code, left.status_code, ahead.status_code] == [200, 200, 200]
    assert left.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert missing.status_code == 404
    assert "immutable" not in missing.headers["cache-control"]
