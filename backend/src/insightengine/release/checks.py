"""Asks a colour that nobody uses yet: is it healthy, does it answer as it should?"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass

from insightengine.application.model import Health
from insightengine.application.policy import SmokeRequest
from insightengine.core.errors import UnavailableError
from insightengine.runtimes.port import Instance, InstanceState

_FIRST_PAUSE_S = 0.05
_MOST_BODY = 1024 * 1024
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back, or why nothing did (`status` None)."""

    status: int | None
    took_s: float
    body: bytes = b""
    problem: str = ""

    def __str__(self) -> str:
        what = self.problem if self.status is None else f"HTTP {self.status}"
        return f"{what} after {1000 * self.took_s:.0f} ms"


def send(host: str, port: int, request: SmokeRequest) -> Answered:
    """One request on a connection of its own; never raises for what the server does."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=request.within_s)
    headers = {"User-Agent": "insight-release", "Connection": "close", **request.headers}
    try:
        body = request.body.encode() if request.body is not None else None
        connection.request(request.method, request.path, body, headers)
        response = connection.getresponse()
        content = response.read(_MOST_BODY)
        return Answered(response.status, time.monotonic() - began, content)
    except (OSError, http.client.HTTPException) as error:
        return Answered(
            None, time.monotonic() - began, problem=f"{error.__class__.__name__}: {error}"
        )
    finally:
        connection.close()


def problem_of(request: SmokeRequest, answered: Answered) -> str | None:
    """None when it is as asked, else what was expected."""
    if answered.status is None:
        return str(answered)
    expected = range(200, 400) if request.status is None else (request.status,)
    if answered.status not in expected:
        wanted = "200 to 399" if request.status is None else str(request.status)
        return f"{answered}, expected {wanted}"
    if answered.took_s > request.within_s:
        return f"{answered}, expected within {1000 * request.within_s:.0f} ms"
    if request.contains is not None and request.contains.encode() not in answered.body:
        return f"{answered}, its body lacks {request.contains!r}"
    return None


def await_healthy(
    health: Health, look: Callable[[], Instance | None], tell: Tell, stop: Callable[[], None]
) -> None:
    """Returns when the instance answered as often in a row as asked; every attempt is told.

    Where the runtime has a check of its own, such as an image's, that one has to succeed, too.
    Raises UnavailableError after the deadline, or at once when the instance ended by itself.
    `stop` is called between attempts and may raise.
    """
    deadline = time.monotonic() + health.deadline_s
    pause_s, row, attempts, last = _FIRST_PAUSE_S, 0, 0, "nothing was asked"
    request = SmokeRequest(health.path, status=200, within_s=health.timeout_s)
    while row < health.successes:
        stop()
        instance = look()
        if instance is None or instance.state is InstanceState.FAILED:
            detail = (instance.detail if instance else None) or "it is not there"
            raise UnavailableError(f"it ended by itself: {detail}", code="unhealthy")
        attempts += 1
        answered = send(instance.host or "127.0.0.1", instance.port or 0, request)
        problem = problem_of(request, answered) or _own_check(instance)
        row = 0 if problem else row + 1
        last = problem or str(answered)
        tell(f"{instance.name} {health.path}: {last}")
        if row < health.successes and time.monotonic() > deadline:
            raise UnavailableError(
                f"{attempts} health checks on {health.path} within {health.deadline_s:g} s, "
                f"the last one: {last}",
                code="unhealthy",
            )
        if row < health.successes:
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, health.interval_s)


def _own_check(instance: Instance) -> str | None:
    """What keeps the runtime's own check from having succeeded; None without one."""
    if not instance.is_checked or instance.state is InstanceState.RUNNING:
        return None
    if instance.state is InstanceState.STARTING:
        return "the container's own check has not succeeded yet"
    return f"the container's own check fails: {instance.detail or 'it said nothing'}"
