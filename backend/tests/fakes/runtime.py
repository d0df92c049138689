"""`ReleaseRuntime` without processes: each instance is a small HTTP server in a thread.

`behaviour.json` of the source decides, as in the real tiny application: `health`, `build_fails`.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, NotFoundError, UnavailableError
from insightengine.runtimes.port import (
    Artefact,
    Instance,
    InstanceState,
    Output,
    Source,
    Unit,
)


@dataclass
class _Running:
    told: Instance
    artefact: Artefact
    server: ThreadingHTTPServer | None = None

    def end(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()


@dataclass
class FakeRuntime:
    """`calls` names each call that changed something, for tests that ask what was done."""

    running: dict[str, _Running] = field(default_factory=dict)
    kept: dict[Artefact, dict[str, Any]] = field(default_factory=dict)
    written: dict[tuple[str, Colour | None, str], list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    platforms: dict[Path, FakeRuntime] = field(default_factory=dict)  # others of this machine

    def obtain(self, source: Source, service: str, output: Output) -> Artefact:
        behaviour = json.loads((source.folder / "behaviour.json").read_text())
        output(f"building {service}")
        if behaviour.get("build_fails"):
            output("error: it cannot be built")
            raise UnavailableError(f"{service} could not be built", code="build_failed")
        artefact = Artefact(service, f"sha256:{_content(source.folder)}")
        self.kept[artefact] = behaviour
        return artefact

    def adopt(self, artefact: Artefact, state: Path, output: Output) -> None:
        other = self.platforms.get(state)
        if other is None or not other.has(artefact):
            raise NotFoundError(f"{artefact.digest[:15]} is gone", code="artefact_missing")
        self.kept[artefact] = other.kept[artefact]
        output(f"{artefact.service} is taken over")

    def has(self, artefact: Artefact) -> bool:
        return artefact in self.kept

    def artefacts(self) -> tuple[Artefact, ...]:
        return tuple(self.kept)

    def discard(self, artefact: Artefact) -> None:
        used = [name for name, one in self.running.items() if one.artefact == artefact]
        if used:
            raise ConflictError(
                f"{artefact.digest[:15]} is used by {used[0]}", code="artefact_used"
            )
        self.kept.pop(artefact, None)

    def run(
        self,
        unit: Unit,
        service: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        timeout_s: float,
        output: Output,
    ) -> int:
        own = unit.source.application.service(service)
        assert own is not None
        try:
            done = subprocess.run(
                [word.replace("{python}", sys.executable) for word in command],
                env={**os.environ, **own.environment, **environment},
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        for line in (done.stdout + done.stderr).splitlines():
            output(line)
        return done.returncode

    def start(self, colour: Colour, unit: Unit) -> None:
        others = {i.release for i in self.instances(unit.name) if i.colour is colour}
        if others - {unit.release}:
            raise ConflictError(f"{colour} runs {min(others)}", code="colour_in_use")
        for service in unit.coloured:
            for number in range(1, service.replicas + 1):
                name = f"{service.name}.{colour}" + (f".{number}" if number > 1 else "")
                if name not in self.running:
                    self.calls.append(f"start {name} {unit.release}")
                    self._begin(name, unit, service.name, colour)

    def _begin(self, name: str, unit: Unit, service: str, colour: Colour | None) -> None:
        artefact = unit.artefacts[service]
        behaviour = self.kept[artefact]
        server = _server(behaviour) if colour else None
        told = Instance(
            unit.name,
            service,
            name,
            colour,
            unit.release,
            InstanceState.RUNNING,
            "127.0.0.1" if server else None,
            server.server_address[1] if server else None,
        )
        self.running[name] = _Running(told, artefact, server)
        lines = self.written.setdefault((unit.name, colour, service), [])
        lines.append(f"version {behaviour['version']} runs")

    def stop(self, unit: str, colour: Colour) -> None:
        self._end(i.name for i in self.instances(unit) if i.colour is colour)

    def replace(self, unit: Unit, colour: Colour) -> None:
        wanted = {f"{service.name}.1": service.name for service in unit.single}
        for one in self.instances(unit.name):
            service = wanted.get(one.name)
            same = service and self.running[one.name].artefact == unit.artefacts[service]
            if one.colour is None and not same:
                self._end([one.name])
        for name, service in wanted.items():
            if name not in self.running:
                self.calls.append(f"start {name} {unit.release}")
                self._begin(name, unit, service, None)

    def _end(self, names: Any) -> None:
        for name in list(names):
            self.calls.append(f"stop {name} {self.running[name].told.release}")
            self.running.pop(name).end()

    def instances(self, unit: str) -> tuple[Instance, ...]:
        return tuple(one.told for one in self.running.values() if one.told.unit == unit)

    def logs(self, unit: str, colour: Colour | None, service: str, lines: int) -> tuple[str, ...]:
        return tuple(self.written.get((unit, colour, service), [])[-lines:])

    def close(self) -> None:
        self._end(self.running)


def _content(folder: Path) -> str:
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes())
    return content.hexdigest()


def _server(behaviour: Mapping[str, Any]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = {"/up": "health", "/smoke": "smoke"}.get(self.path, "")
            body = json.dumps({"version": behaviour["version"]}).encode()
            self.send_response(behaviour.get(status, 200))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server
