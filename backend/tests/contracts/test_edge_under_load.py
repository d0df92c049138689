"""What `port.Edge` promises while visitors are there, with the real nginx: no request is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from insightengine.core.colours import Colour
from insightengine.edge.models import Selection
from tests.contracts.edge_harness import (
    BLUE,
    GREEN,
    RunningEdge,
    with_limit,
)


@dataclass
class Load:
    """Keep-alive GETs and POSTs with bodies; each answer and each failure is counted."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    is_ended: bool = False

    async def during(self, work: Callable[[], Awaitable[None]], methods: str = "GET POST") -> None:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=8)) as client:
            chosen = methods.split()
            senders = [
                asyncio.create_task(self._send(client, chosen[n % len(chosen)])) for n in range(6)
            ]
            try:
                await work()
            finally:
                self.is_ended = True
                await asyncio.gather(*senders)

    async def _send(self, client: httpx.AsyncClient, method: str) -> None:
        body = b"x" * 20_000 if method == "POST" else None
        while not self.is_ended:
            try:
                answer = await client.request(method, self.url + "/echo", content=body)
            except httpx.TransportError as error:
                self.failures.append(f"{method} {error!r}")
                continue
            if answer.status_code != 200:
                self.failures.append(f"{method} {answer.status_code}")
            else:
                self.answers[answer.json()["colour"]] += 1

    async def reaches(self, count: int) -> None:
        """Until that many more requests were answered."""
        wanted = self.answers.total() + count
        async with asyncio.timeout(20):
            while self.answers.total() < wanted:
                await asyncio.sleep(0.01)


async def test_switching_colours_under_load_loses_no_request(edge: RunningEdge) -> None:
    load = Load(edge.url("web"))

    async def switch_to_and_fro() -> None:
        for number in range(8):
            await load.reaches(60)
            chosen = GREEN if number % 2 == 0 else BLUE
            await asyncio.to_thread(edge.edge.switch, "web", chosen)
            release = "r2" if chosen is GREEN else "r1"
            await asyncio.to_thread(edge.edge.prove, "web", release, chosen.colour)

    await load.during(switch_to_and_fro)
    assert load.failures == []
    assert set(load.answers) == {"blue", "green"}


async def test_reloading_under_load_loses_no_request(edge: RunningEdge) -> None:
    load = Load(edge.url("web"))

    async def reload_often() -> None:
        for number in range(5):
            await load.reaches(60)
            await asyncio.to_thread(edge.edge.install, with_limit(edge, number))

    await load.during(reload_often)
    assert load.failures == []


async def test_a_warm_colour_steps_in_for_requests_that_may_be_repeated(
    edge: RunningEdge,
) -> None:
    edge.edge.switch("web", Selection(Colour.BLUE, warm=True))
    load = Load(edge.url("web"))

    async def crash() -> None:
        await load.reaches(100)
        edge.kill_upstream("web", Colour.BLUE)
        await load.reaches(200)

    await load.during(crash, methods="GET")
    assert load.failures == []
    answer = await asyncio.to_thread(httpx.get, edge.url("web") + "/echo")
    assert answer.headers["x-insight-colour"] == "green"
    assert answer.headers["x-insight-release"] == "r2"
    assert edge.logged(answer.headers["x-request-id"])["colour"] == "green"


def test_a_colour_that_is_not_warm_never_steps_in(edge: RunningEdge) -> None:
    edge.kill_upstream("web", Colour.BLUE)
    assert [httpx.get(edge.url("web") + "/").status_code for _ in range(5)] == [503] * 5
