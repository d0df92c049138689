"""The real store and collector processes on a throw-away state folder."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.harness import free_base_port
from insightengine.core.secrets import Secret
from insightengine.core.settings import PortOffset, StateFolder
from insightengine.telemetry.clickhouse import ClickHouseStore


@dataclass(frozen=True)
class StoreProcesses:
    """`start` returns when both answer."""

    state: StateFolder
    base_port: int
    password: Secret

    @property
    def collector_port(self) -> int:
        return self.base_port + PortOffset.COLLECTOR

    def client(self) -> ClickHouseStore:
        return ClickHouseStore(
            "127.0.0.1", self.base_port + PortOffset.STORE, "insight", self.password
        )

    @contextmanager
    def running(self) -> Iterator[None]:
        environment = {
            **os.environ,
            "INSIGHT_STATE": str(self.state.root),
            "INSIGHT_BASE_PORT": str(self.base_port),
            "INSIGHT_LOG_LEVEL": "warning",
        }
        started = [
            subprocess.Popen(
                [sys.executable, "-m", f"insightengine.worker.{name}"],
                env=environment,
                stdout=subprocess.DEVNULL,
            )
            for name in ("store", "collector")
        ]
        try:
            _until_ok(f"http://127.0.0.1:{self.base_port + PortOffset.STORE}/ping")
            _until_ok(f"http://127.0.0.1:{self.collector_port}/healthz")
            yield
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(60)


@contextmanager
def throwaway_store() -> Iterator[StoreProcesses]:
    root = Path(tempfile.mkdtemp(prefix="insight-bench-", dir="/var/tmp"))
    state = StateFolder(root)
    password = secrets.token_hex(16)
    try:
        for folder in (state.secrets, state.logs, state.run):
            folder.mkdir()
        state.secret("store_password").write_text(password)
        state.secret("store_password").chmod(0o600)
        yield StoreProcesses(state, free_base_port(), Secret(password))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _until_ok(url: str, limit_s: float = 120) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer within {limit_s:g} s")
