"""The real store and collector processes on a throw-away state folder."""

from __future__ import annotations

import os
import pwd
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
import psutil

from benchmarks.harness import free_base_port
from insightengine.core.secrets import Secret
from insightengine.core.settings import PortOffset, Settings, StateFolder
from insightengine.edge.control import NginxEdge, nginx_binary
from insightengine.edge.render import edge_argv
from insightengine.telemetry.clickhouse import ClickHouseStore
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.platform import edge_configuration, only_version


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
        return ClickHouseStore("127.0.0.1", self.store_port, "insight", self.password)

    @property
    def store_port(self) -> int:
        return self.base_port + PortOffset.STORE

    @contextmanager
    def running(self, *names: str) -> Iterator[dict[str, psutil.Process]]:
        """`store` and `collector`, or those named."""
        environment = {
            **os.environ,
            "INSIGHT_STATE": str(self.state.root),
            "INSIGHT_BASE_PORT": str(self.base_port),
            "INSIGHT_LOG_LEVEL": "warning",
        }
        ready = {
            "store": f"http://127.0.0.1:{self.store_port}/ping",
            "collector": f"http://127.0.0.1:{self.collector_port}/healthz",
        }
        started = {
            name: subprocess.Popen(
                [sys.executable, "-m", f"insightengine.worker.{name}"],
                env=environment,
                stdout=subprocess.DEVNULL,
            )
            for name in names or tuple(ready)
        }
        try:
            for name in started:
                _until_ok(ready[name])
            yield {name: psutil.Process(process.pid) for name, process in started.items()}
        finally:
            for process in started.values():
                process.terminate()
            for process in started.values():
                process.wait(60)

    @property
    def grpc_port(self) -> int:
        return self.base_port + PortOffset.OTLP_GRPC

    @property
    def otlp_port(self) -> int:
        return self.base_port + PortOffset.OTLP_HTTP

    @contextmanager
    def edge(self) -> Iterator[psutil.Process]:
        """The product's nginx in front of the collector; yields its one busy worker's master."""
        settings = Settings(base_port=self.base_port)
        configuration = edge_configuration(
            PlatformContext(settings, self.state), {}, only_version(self.state.root / "console")
        )
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        for folder in (self.state.root, self.state.edge, self.state.logs):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
            if user and folder != self.state.root:
                os.chown(folder, user.pw_uid, user.pw_gid)
        NginxEdge(configuration.paths).install(configuration)
        nginx = subprocess.Popen(
            edge_argv(nginx_binary(), configuration.paths),
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        try:
            _until_ok(f"http://127.0.0.1:{self.otlp_port}/healthz")
            yield psutil.Process(nginx.pid)
        finally:
            nginx.terminate()
            nginx.wait(30)


@contextmanager
def throwaway_store() -> Iterator[StoreProcesses]:
    root = Path(tempfile.mkdtemp(prefix="insight-bench-", dir="/var/tmp"))
    try:
        yield store_in(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def store_in(root: Path) -> StoreProcesses:
    """Of a state folder that is kept; made where there is none."""
    state = StateFolder(root)
    for folder in (state.root, state.secrets, state.logs, state.run):
        folder.mkdir(parents=True, exist_ok=True)
    secret = state.secret("store_password")
    if not secret.exists():
        secret.write_text(secrets.token_hex(16))
        secret.chmod(0o600)
    return StoreProcesses(state, free_base_port(), Secret(secret.read_text()))


def _until_ok(url: str, limit_s: float = 120) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer within {limit_s:g} s")
