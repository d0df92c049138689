"""kamal-proxy under the same load, built from the Go module proxy where Go is there."""

from __future__ import annotations

import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from benchmarks.go_peer import go_peer
from benchmarks.steady_load import Sample, p99_ms, steady_load
from insightengine.runtimes.local.ports import free_port

VERSION = "v0.9.2"
_STILL_S = 10.0


def binary() -> Path | None:
    return go_peer("kamal-proxy", "github.com/basecamp/kamal-proxy", VERSION, "cmd/kamal-proxy")


def measure(
    application: Path, switches: int, ours: Mapping[str, float | int | str]
) -> dict[str, float | int | str]:
    """The same figures of it between two versions that run all the time, and their ratio to ours.

    A deployment returns after the drain; its limit is a second here, and what it cuts of streams
    and WebSockets is counted apart.
    """
    program = binary()
    if program is None:
        return {}
    with tempfile.TemporaryDirectory(prefix="insight-bench-", dir="/var/tmp") as name:
        folder = Path(name)
        with _two_versions(application, folder) as targets:
            proxy = _Proxy(program, folder, targets)
            with proxy.running():
                proxy.deploy("one")
                figures = _under_load(proxy, switches)
    ratio = figures["kamal_proxy_switch_ms_median"] / max(float(ours["switch_ms_median"]), 0.1)
    return {**figures, "kamal_proxy_switch_ratio": round(ratio, 2)}


class _Proxy:
    """A running one. `targets` are the addresses of two versions, by version."""

    def __init__(self, program: Path, folder: Path, targets: Mapping[str, str]) -> None:
        self._program, self._log, self.targets = program, folder / "proxy.log", targets
        self._environment = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        self.port = free_port()

    @contextmanager
    def running(self) -> Iterator[None]:
        ports = [f"--http-port={self.port}", f"--https-port={free_port()}"]
        with self._log.open("wb") as log:
            process = subprocess.Popen(
                [str(self._program), "run", *ports], env=self._environment, stdout=log, stderr=log
            )
            try:
                await_port(self.port)
                yield
            finally:
                process.terminate()
                process.wait(30)

    def deploy(self, version: str) -> float:
        """When the new version was found healthy, by the proxy's own log."""
        command = ["deploy", "bench", "--target", self.targets[version], "--drain-timeout=1s"]
        subprocess.run(
            [str(self._program), *command, "--health-check-interval=200ms"],
            env=self._environment,
            check=True,
            capture_output=True,
            timeout=60,
        )
        lines = map(json.loads, self._log.read_text(encoding="utf-8").splitlines())
        healthy = [line["time"] for line in lines if line.get("state") == "healthy"]
        return datetime.fromisoformat(healthy[-1][:26] + "+00:00").timestamp()


def _under_load(proxy: _Proxy, switches: int) -> dict[str, float]:
    names = list(proxy.targets)
    switch_ms: list[float] = []
    near: list[Sample] = []
    with steady_load(proxy.port) as load:
        began = time.time()
        time.sleep(_STILL_S)
        ended = time.time()
        for number in range(switches):
            asked_at = time.time()
            healthy_at = proxy.deploy(names[(number + 1) % 2])
            time.sleep(1)
            around = load.between(asked_at, time.time())
            left_at = max(s.started for s in around if s.version == names[number % 2])
            switch_ms.append(1000 * max(0.0, left_at - healthy_at))
            near += load.between(healthy_at - 0.1, healthy_at + 0.9)
    cut = [sample for sample in load.failed() if sample.kind in ("stream", "websocket")]
    still_ms = p99_ms(list(load.between(began, ended)))
    return {
        "kamal_proxy_switches": switches,
        "kamal_proxy_requests": len(load.samples),
        "kamal_proxy_failed_requests": len(load.failed()) - len(cut),
        "kamal_proxy_cut_sessions": len(cut),
        "kamal_proxy_switch_ms_median": round(statistics.median(switch_ms), 1),
        "kamal_proxy_p99_added_ms": round(p99_ms(near) - still_ms, 1),
    }


@contextmanager
def _two_versions(application: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Both run all the time, each from a folder of its own."""
    processes, targets = [], {}
    try:
        for version in ("one", "two"):
            shutil.copytree(application, folder / version)
            told = json.dumps({"version": version})
            (folder / version / "behaviour.json").write_text(told, encoding="utf-8")
            port = free_port()
            command = [sys.executable, "server.py", "--host", "127.0.0.1", "--port", str(port)]
            processes.append(
                subprocess.Popen(
                    command,
                    cwd=folder / version,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            await_port(port)
            targets[version] = f"127.0.0.1:{port}"
        yield targets
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def await_port(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on {port} after 30 s")
