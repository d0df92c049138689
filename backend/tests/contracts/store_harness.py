"""The real store and collector processes on a throwaway state folder."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from insightengine.core.secrets import Secret
from insightengine.core.settings import PortOffset, StateFolder
from insightengine.telemetry.clickhouse import ClickHouseStore

PASSWORD = "only-for-this-test"
_OFFSETS = (PortOffset.COLLECTOR, PortOffset.STORE)


def eventually(condition: Callable[[], bool], deadline_s: float, what: str) -> None:
    """Polls until the condition holds; fails naming `what` did not come true."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s:g} s: {what}")
        time.sleep(0.02)


def free_base_port() -> int:
    """A base whose collector and store ports are free."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            base = probe.getsockname()[1] - PortOffset.COLLECTOR
        if 1024 <= base <= 65435 and all(_is_free(base + offset) for offset in _OFFSETS):
            return int(base)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@dataclass
class Telemetry:
    """Starts, kills and asks the two processes of one state folder."""

    root: Path
    base_port: int = field(default_factory=free_base_port)
    settings: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        state = StateFolder(self.root)
        for folder in (state.secrets, state.logs, state.run):
            folder.mkdir(parents=True, exist_ok=True)
        state.secret("store_password").write_text(PASSWORD)
        state.secret("store_password").chmod(0o600)
        self.spool = state.spool

    @property
    def collector_url(self) -> str:
        return f"http://127.0.0.1:{self.base_port + PortOffset.COLLECTOR}"

    @property
    def store_port(self) -> int:
        return self.base_port + PortOffset.STORE

    def client(self) -> ClickHouseStore:
        return ClickHouseStore("127.0.0.1", self.store_port, "insight", Secret(PASSWORD))

    def start(self, name: str) -> None:
        """`store` or `collector`; returns when it is ready."""
        environment = {
            **os.environ,
            **self.settings,
            "INSIGHT_STATE": str(self.root),
            "INSIGHT_BASE_PORT": str(self.base_port),
        }
        with (self.root / "logs" / f"{name}.out").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"insightengine.worker.{name}"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes[name] = process
        url = f"{self.collector_url}/healthz"
        if name == "store":
            url = f"http://127.0.0.1:{self.store_port}/ping"

        def is_ready() -> bool:
            assert process.poll() is None, f"{name} ended:\n{self.log(name)}"
            return _get(url) is not None

        eventually(is_ready, 30, f"{name} is ready")

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> int:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(20)

    def log(self, name: str) -> str:
        return (self.root / "logs" / f"{name}.out").read_text()

    def ask(self, sql: str) -> str:
        """One query over plain HTTP, as tab-separated text."""
        answer = _get(f"http://127.0.0.1:{self.store_port}/", sql.encode())
        assert answer is not None, f"store did not answer: {sql}"
        return answer.decode().rstrip("\n")

    def count(self, table: str, where: str = "1") -> int:
        return int(self.ask(f"SELECT count() FROM {table} WHERE {where}"))

    def store_counters(self) -> dict[str, Any]:
        answer = _get(f"http://127.0.0.1:{self.store_port}/counters")
        assert answer is not None
        return dict(json.loads(answer))

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)


def _get(url: str, body: bytes | None = None) -> bytes | None:
    token = base64.b64encode(f"insight:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(url, body, {"Authorization": f"Basic {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode(errors="replace")) from None
    except OSError:
        return None


@contextmanager
def telemetry(root: Path, **settings: str) -> Iterator[Telemetry]:
    """Settings as in the environment: `INSIGHT_SPOOL_SEGMENT_AGE_S="0.1"`."""
    processes = Telemetry(root, settings=settings)
    try:
        yield processes
    finally:
        processes.close()
