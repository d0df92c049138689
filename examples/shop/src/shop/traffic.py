"""Visitors of the shop: `python -m shop.traffic --url http://127.0.0.1:4301`.

Sends no `traceparent`: a browser does not either, and the edge begins the trace. While the shop is
away, visitors wait and come back. The same seed behaves the same way.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import logging
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from shop import logs
from shop.visitor import REQUESTS_PER_PAUSE, Action, Seen, think_s, visit

log = logging.getLogger("shop.traffic")
REPORT_EVERY_S = 60.0
LONGEST_PAUSE_S = 5.0
Pause = Callable[[float], Awaitable[object]]


@dataclass(slots=True)
class Tally:
    """What came back since the last report, by class of status; `away` counts failed requests."""

    answers: collections.Counter[str] = field(default_factory=collections.Counter)
    is_away: bool = False

    def answered(self, status: int) -> None:
        self.answers[f"{status // 100}xx"] += 1
        if self.is_away:
            self.is_away = False
            log.info("the shop answers again")

    def failed(self, error: Exception) -> None:
        self.answers["away"] += 1
        if not self.is_away:
            self.is_away = True
            log.warning("the shop does not answer: %s", type(error).__name__)

    def report(self) -> None:
        log.info("visitors' requests", extra={"requests": dict(sorted(self.answers.items()))})
        self.answers.clear()


@dataclass(frozen=True, slots=True)
class Traffic:
    """`think_mean_s` is the mean pause of one visitor between two pages."""

    url: str
    visitors: int
    think_mean_s: float
    seed: str
    tally: Tally = field(default_factory=Tally)
    pause: Pause = asyncio.sleep

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._report())
            for number in range(self.visitors):
                group.create_task(self._visitor(f"visitor-{number}"))

    async def _report(self) -> None:
        while True:
            await self.pause(REPORT_EVERY_S)
            self.tally.report()

    async def _visitor(self, name: str) -> None:
        chance = random.Random(f"{self.seed}/{name}")  # noqa: S311
        away_s = 0.0
        headers = {"user-agent": f"shop-traffic/1.0 ({name})"}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=10, follow_redirects=True
        ) as client:
            await self.pause(think_s(chance, self.think_mean_s))
            while True:
                client.cookies.clear()
                try:
                    await self.visit_once(client, chance, name)
                    away_s = 0.0
                except httpx.TransportError as error:
                    self.tally.failed(error)
                    away_s = min(LONGEST_PAUSE_S, away_s * 2 or 0.5)
                    await self.pause(away_s * chance.uniform(0.5, 1.5))

    async def visit_once(
        self, client: httpx.AsyncClient, chance: random.Random, name: str
    ) -> list[Seen]:
        """One visit to its end; what was seen. Raises httpx.TransportError."""
        behaviour = visit(chance, name)
        action = next(behaviour)
        pages: list[Seen] = []
        while True:
            page = await self._ask(client, action)
            pages.append(page)
            try:
                action = behaviour.send(page)
            except StopIteration:
                await self.pause(think_s(chance, self.think_mean_s))
                return pages
            if not action.is_asset:
                await self.pause(think_s(chance, self.think_mean_s))

    async def _ask(self, client: httpx.AsyncClient, action: Action) -> Seen:
        method = "GET" if action.form is None else "POST"
        answer = await client.request(method, action.path, data=action.form)
        for one in (*answer.history, answer):
            self.tally.answered(one.status_code)
        return Seen(answer.status_code, answer.url.path, answer.text)


async def until_signalled(traffic: Traffic) -> None:
    """Runs visitors until SIGTERM or SIGINT, then ends cleanly."""
    running = asyncio.create_task(traffic.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    log.info("visitors come", extra={"visitors": traffic.visitors, "url": traffic.url})
    try:
        await running
    except asyncio.CancelledError:
        traffic.tally.report()


def main() -> None:
    parser = argparse.ArgumentParser(description="Visitors for the example shop.")
    parser.add_argument("--url", default="http://127.0.0.1:4301", help="where the shop is")
    parser.add_argument("--visitors", type=int, default=12, help="how many at a time")
    parser.add_argument("--rate", type=float, default=9.0, help="requests/s of all together, about")
    parser.add_argument("--seed", default="shop", help="the same seed behaves the same way")
    given = parser.parse_args()
    if given.visitors < 1 or given.rate <= 0:
        parser.error("--visitors and --rate must be positive")
    logs.configure("traffic")
    mean_s = REQUESTS_PER_PAUSE * given.visitors / given.rate
    asyncio.run(until_signalled(Traffic(given.url, given.visitors, mean_s, given.seed)))


if __name__ == "__main__":
    main()
