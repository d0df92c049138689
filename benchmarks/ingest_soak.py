"""A long steady load with queries beside it: does memory stay within bounds?"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field

import httpx
import psutil

from benchmarks.harness import progress
from benchmarks.otlp_sender import Load, Sent
from benchmarks.processes import StoreProcesses

_EVERY_S = 10.0
_QUESTIONS = (
    "SELECT ServiceName, count() FROM spans WHERE Timestamp > now() - 900 GROUP BY ServiceName",
    "SELECT toStartOfMinute(Timestamp) AS t, count() FROM logs GROUP BY t ORDER BY t",
    "SELECT * FROM logs WHERE hasToken(lower(Body), 'queue') ORDER BY Timestamp DESC LIMIT 100",
    "SELECT SpanName, quantile(0.95)(DurationNs) FROM spans GROUP BY SpanName",
)


@dataclass
class Queries:
    """Asked one after the other, without a pause, until the end."""

    store: StoreProcesses
    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    def run(self, end: threading.Event) -> None:
        auth = ("insight", self.store.password.reveal())
        url = f"http://127.0.0.1:{self.store.store_port}/"
        with httpx.Client(auth=auth, timeout=60) as client:
            while not end.is_set():
                for question in _QUESTIONS:
                    self._ask(client, url, question)
                    end.wait(0.5)

    def _ask(self, client: httpx.Client, url: str, question: str) -> None:
        began = time.perf_counter()
        try:
            answer = client.post(url, content=question)
        except httpx.HTTPError:
            self.failed += 1
            return
        self.failed += not answer.is_success
        self.seconds.append(time.perf_counter() - began)


@contextmanager
def asked(store: StoreProcesses) -> Iterator[Queries]:
    queries, end = Queries(store), threading.Event()
    thread = threading.Thread(target=queries.run, args=(end,))
    thread.start()
    try:
        yield queries
    finally:
        end.set()
        thread.join()


def soak(
    store: StoreProcesses, processes: Mapping[str, psutil.Process], loads: Sequence[Load]
) -> tuple[list[Sent], dict[str, float | int | str]]:
    """What the senders report, and how the memory of each process went."""
    began = time.monotonic()
    memory: dict[str, list[int]] = {name: [] for name in processes}
    with asked(store) as queries:
        senders = [
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.otlp_sender", json.dumps(asdict(load))],
                stdout=subprocess.PIPE,
                text=True,
            )
            for load in loads
        ]
        while any(sender.poll() is None for sender in senders):
            _note(store, processes, memory, time.monotonic() - began)
            _wait(senders, _EVERY_S)
        sent = [Sent(**json.loads(sender.communicate()[0])) for sender in senders]
    ordered = sorted(queries.seconds) or [0.0]
    figures: dict[str, float | int | str] = {
        "queries": len(queries.seconds),
        "queries_failed": queries.failed,
        "query_p95_ms": round(1000 * ordered[int(0.95 * (len(ordered) - 1))]),
    }
    for name, sizes in memory.items():
        third = max(1, len(sizes) // 3)
        figures[f"{name}_rss_first_third_mb"] = round(max(sizes[:third]) / 1e6)
        figures[f"{name}_rss_last_third_mb"] = round(max(sizes[-third:]) / 1e6)
    return sent, figures


def _wait(senders: Sequence[subprocess.Popen[str]], limit_s: float) -> None:
    running = next((sender for sender in senders if sender.poll() is None), None)
    if running is not None:
        with suppress(subprocess.TimeoutExpired):
            running.wait(limit_s)


def _note(
    store: StoreProcesses,
    processes: Mapping[str, psutil.Process],
    memory: dict[str, list[int]],
    elapsed_s: float,
) -> None:
    for name, process in processes.items():
        memory[name].append(process.memory_info().rss)
    spooled = 0
    for path in store.state.spool.glob("*-*"):
        try:
            spooled += path.stat().st_size
        except FileNotFoundError:  # inserted meanwhile
            continue
    resident = "  ".join(f"{name} {sizes[-1] / 1e6:,.0f} MB" for name, sizes in memory.items())
    progress(f"  {elapsed_s:>6,.0f} s  {resident}  spool {spooled / 1e6:,.0f} MB")
