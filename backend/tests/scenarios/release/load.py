"""A constant load of keep-alive GETs and POSTs with bodies; every failure is kept."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_SENDERS = 4
_PAUSE_S = 0.01
LOADS: list[Load] = []  # of the present test, for the table of outcomes


@dataclass
class Load:
    """`answers` by version; `failures` tell what went wrong and when."""

    port: int
    pause_s: float = _PAUSE_S
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, method: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = b"x" * 10_000 if method == "POST" else None
        while not self.ended.is_set():
            began = time.monotonic()
            try:
                connection.request(method, "/page", body)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.answers[json.loads(content)["version"]] += 1
                else:
                    self.failures.append(f"{method} {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{method} {error!r}")
                connection.close()
            self.latencies_s.append(time.monotonic() - began)
            self.ended.wait(self.pause_s)
        connection.close()

    def await_answers(self, count: int, limit_s: float = 60) -> None:
        """Returns when so many requests were answered in all."""
        deadline = time.monotonic() + limit_s
        while self.answers.total() < count:
            assert time.monotonic() < deadline, f"{self.answers.total()} answers in {limit_s} s"
            time.sleep(0.05)


@contextmanager
def load_on(port: int, senders: int = _SENDERS, pause_s: float = _PAUSE_S) -> Iterator[Load]:
    """Half of the senders read, the others send bodies."""
    load = Load(port, pause_s)
    LOADS.append(load)
    methods = ["GET", "POST"] * (senders // 2)
    threads = [threading.Thread(target=load.send, args=(method,)) for method in methods]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.ended.set()
        for thread in threads:
            thread.join()
