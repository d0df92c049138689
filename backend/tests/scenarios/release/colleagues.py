"""People who are logged in and go on working while the console under them is released."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.scenarios.console import Console
from tests.scenarios.platform import Platform

_PAUSE_S = 0.1  # the edge allows each address 20 requests a second


@dataclass
class Work:
    """`answers` by kind: the release that gave each. `failures` tell what went wrong."""

    answers: dict[str, list[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    stream_events: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def count(self) -> int:
        return sum(len(found) for found in self.answers.values())

    def repeat(self, kind: str, ask: Callable[[], httpx.Response]) -> None:
        while not self.ended.wait(_PAUSE_S):
            try:
                answer = ask()
            except httpx.HTTPError as error:
                self.failures.append(f"{kind}: {error!r}")
                continue
            if answer.is_success:
                release = answer.headers["x-insight-release"]
                self.answers.setdefault(kind, []).append(release)
            else:
                self.failures.append(f"{kind}: {answer.status_code} {answer.text[:200]}")

    def follow(self, console: Console) -> None:
        """One stream from the beginning to the end: it may not be cut in between."""
        try:
            with console.stream("GET", "/telemetry/logs/tail", timeout=30) as answer:
                assert answer.status_code == 200, answer.read()
                for _ in answer.iter_text():
                    self.stream_events += 1
                    if self.ended.is_set():
                        return
        except (httpx.HTTPError, AssertionError) as error:
            self.failures.append(f"stream: {error!r}")
            return
        self.failures.append("stream: it was ended by the server")

    def await_more(self, count: int) -> None:
        """Returns when each kind was answered so often again."""
        before = {kind: len(found) for kind, found in self.answers.items()}
        deadline = time.monotonic() + 30
        while any(len(self.answers[kind]) < seen + count for kind, seen in before.items()):
            assert time.monotonic() < deadline, f"no {count} more answers; {self.failures}"
            time.sleep(0.05)


def same_session(platform: Platform, console: Console) -> Console:
    """Another tab of the same browser, from an address of its own."""
    tab = Console(platform)
    tab.cookies = console.cookies
    tab.headers["X-CSRF-Token"] = console.headers["X-CSRF-Token"]
    return tab


@contextmanager
def at_work(platform: Platform, console: Console) -> Iterator[Work]:
    """Pages, reads and writes of the API in one session without pause, and an open stream."""
    work = Work()
    tabs = [same_session(platform, console) for _ in range(4)]
    view = {"page": "logs", "name": "mine", "state": "x"}
    threads = [
        threading.Thread(
            target=work.repeat,
            args=("page", lambda: tabs[0].get(f"{platform.console}/monitoring/")),
        ),
        threading.Thread(target=work.repeat, args=("read", lambda: tabs[1].get("/auth/session"))),
        threading.Thread(
            target=work.repeat, args=("write", lambda: tabs[2].put("/views", json=view))
        ),
        threading.Thread(target=work.follow, args=(tabs[3],)),
    ]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + 20
        while len(work.answers) < 3 or work.stream_events == 0:
            assert time.monotonic() < deadline, f"nobody is answered: {work.failures}"
            time.sleep(0.05)
        yield work
    finally:
        work.ended.set()
        for thread in threads:
            thread.join()
        for tab in tabs:
            tab.close()
