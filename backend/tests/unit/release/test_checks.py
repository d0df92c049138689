"""When an instance counts as healthy: our request and the runtime's own check, both."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from insightengine.application.model import Health
from insightengine.core.colours import Colour
from insightengine.core.errors import UnavailableError
from insightengine.release.checks import await_healthy
from insightengine.runtimes.port import Instance, InstanceState

QUICK = Health("/up", interval_s=0.01, deadline_s=0.2)


class Fine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the test's output is for its failures."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Fine) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def told(port: int, states: list[InstanceState], detail: str | None = None) -> list[str]:
    """What is said while the container goes through those states; the last one stays."""
    lines: list[str] = []

    def look() -> Instance:
        state = states.pop(0) if len(states) > 1 else states[0]
        where = ("127.0.0.1", port)
        return Instance(
            *("shop", "web", "web.blue", Colour.BLUE, "r1", state, *where),
            detail=detail,
            is_checked=True,
        )

    await_healthy(QUICK, look, lines.append, lambda: None)
    return lines


def test_an_answer_does_not_count_before_the_containers_own_check_succeeded(port: int) -> None:
    lines = told(port, [InstanceState.STARTING, InstanceState.STARTING, InstanceState.RUNNING])
    assert lines[:2] == ["web.blue /up: the container's own check has not succeeded yet"] * 2
    assert lines[2].startswith("web.blue /up: HTTP 200")


def test_a_container_whose_own_check_fails_is_not_healthy(port: int) -> None:
    with pytest.raises(UnavailableError, match="own check fails: no database") as caught:
        told(port, [InstanceState.UNHEALTHY], "no database")
    assert caught.value.code == "unhealthy"


def test_one_that_ended_is_not_waited_for(port: int) -> None:
    with pytest.raises(UnavailableError, match="it ended by itself: exit code 3"):
        told(port, [InstanceState.FAILED], "exit code 3")
