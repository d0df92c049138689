"""A real nginx of the wheel between a test and small real upstream servers."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import httpx
import psutil

from insightengine.core.colours import Colour
from insightengine.edge.control import NginxEdge, nginx_binary
from insightengine.edge.models import (
    Address,
    ApplicationSite,
    ConsoleSite,
    EdgeConfiguration,
    EdgePaths,
    Limits,
    OtlpSite,
    Pool,
    Selection,
    Upstream,
)
from insightengine.edge.render import edge_argv

T = TypeVar("T")
BLUE, GREEN = Selection(Colour.BLUE), Selection(Colour.GREEN)
SERVER = Path(__file__).with_name("upstream_server.py")


def eventually(check: Callable[[], T | None], within_s: float = 10.0) -> T:
    """The first truthy result of `check`, asked again until the deadline."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {within_s} s: {check}")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _unprivileged() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


@dataclass
class RunningEdge:
    configuration: EdgeConfiguration
    edge: NginxEdge
    process: subprocess.Popen[bytes] | None = None
    upstreams: dict[tuple[str, Colour], subprocess.Popen[bytes]] = field(default_factory=dict)

    def url(self, site: str) -> str:
        found = next(one for one in self.configuration.sites if one.name == site)
        return f"http://{found.listen}"

    def start_nginx(self) -> None:
        user = _unprivileged()
        paths = self.configuration.paths
        with (paths.folder / "stderr.log").open("ab") as log:
            self.process = subprocess.Popen(
                edge_argv(nginx_binary(), paths),
                stderr=log,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(httpx.get(f"http://{self.configuration.admin}/status").json())
        except httpx.TransportError:
            return False

    def start_upstream(self, site: str, colour: Colour) -> None:
        address = self.configuration.pools[site].of(colour).addresses[0]
        process = subprocess.Popen(
            [sys.executable, str(SERVER), colour.value, str(address.port)], stdout=subprocess.PIPE
        )
        self.upstreams[site, colour] = process
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(address.port).encode()

    def kill_nginx(self) -> None:
        """End master and workers at once, as a lost machine would."""
        assert self.process is not None
        master = psutil.Process(self.process.pid)
        for process in (master, *master.children()):
            process.send_signal(signal.SIGKILL)
        self.process.wait()

    def kill_upstream(self, site: str, colour: Colour) -> None:
        process = self.upstreams.pop((site, colour))
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def log_lines(self) -> list[dict[str, object]]:
        """Each whole line parsed; one that is no JSON fails the test. A half written one waits."""
        log = self.configuration.paths.access_log
        text = log.read_bytes().decode("utf-8") if log.exists() else ""
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def logged(self, request_id: str) -> dict[str, object]:
        """The line of one request; nginx writes it after the answer."""
        return eventually(
            lambda: next((x for x in self.log_lines() if x["request_id"] == request_id), None)
        )

    def stderr(self) -> str:
        return (self.configuration.paths.folder / "stderr.log").read_text()

    def close(self) -> None:
        for site, colour in list(self.upstreams):
            self.kill_upstream(site, colour)
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=10)


def configuration_in(folder: Path) -> EdgeConfiguration:
    ports = iter(free_ports(9))

    def address() -> Address:
        return Address("127.0.0.1", next(ports))

    def pool(blue: str, green: str) -> Pool:
        return Pool(Upstream(blue, (address(),)), Upstream(green, (address(),)))

    pages = {Colour.BLUE: folder / "out", Colour.GREEN: folder / "out-green"}
    return EdgeConfiguration(
        console=ConsoleSite(address(), pages, pool("a1", "a2")),
        otlp=OtlpSite(address(), (address(),)),
        admin=address(),
        paths=EdgePaths(folder / "edge", folder / "logs" / "edge.access.log"),
        applications=(
            ApplicationSite("web", "web", address(), pool("r1", "r2"), ("/products/{slug}",)),
        ),
        limits=Limits(console_body_bytes=64 * 1024, application_body_bytes=64 * 1024),
    )


@contextmanager
def running_edge(
    change: Callable[[EdgeConfiguration], EdgeConfiguration] = replace,
) -> Iterator[RunningEdge]:
    """The edge with blue of `web` and of the API running, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="an edge "))
    user = _unprivileged()
    for part in (folder, folder / "edge", folder / "logs", folder / "out"):
        part.mkdir(exist_ok=True)
        part.chmod(0o755)
        if user:
            os.chown(part, user.pw_uid, user.pw_gid)
    configuration = change(configuration_in(folder))
    running = RunningEdge(configuration, NginxEdge(configuration.paths))
    try:
        running.edge.install(configuration)
        running.start_nginx()
        running.start_upstream("web", Colour.BLUE)
        running.start_upstream("console", Colour.BLUE)
        yield running
    finally:
        running.close()
        shutil.rmtree(folder)


@contextmanager
def edge_with_pages() -> Iterator[RunningEdge]:
    """The edge with a small export of the console."""
    with running_edge() as running:
        out = running.configuration.console.pages[Colour.BLUE]
        pages = {
            "index.html": "<p>start</p>",
            "monitoring/index.html": "<p>monitoring</p>",
            "404.html": "<p>not found</p>",
            "icon.svg": "<svg/>",
            "_next/static/chunk.js": "console.log(1);" * 200,
            ".git/config": "[secret]",
        }
        for name, text in pages.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        yield running


def raw(edge: RunningEdge, request: bytes, site: str = "web") -> bytes:
    """What comes back for bytes that no HTTP library would send."""
    address = next(one for one in edge.configuration.sites if one.name == site).listen
    with socket.create_connection((address.host, address.port), timeout=5) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def with_limit(edge: RunningEdge, number: int) -> EdgeConfiguration:
    """A change that nginx has to load anew."""
    limits = replace(edge.configuration.limits, api_burst=100 + number)
    return replace(edge.configuration, limits=limits)


def with_blue_release(edge: RunningEdge, release: str) -> EdgeConfiguration:
    """A change that nginx takes over without loading anything anew."""
    site = edge.configuration.applications[0]
    blue = replace(site.pool.blue, release=release)
    changed = replace(site, pool=replace(site.pool, blue=blue))
    return replace(edge.configuration, applications=(changed,))
