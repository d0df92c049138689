"""A real supervisor, nginx and journal with the tiny application: releases without the servers.

What the gates count comes from the edge's access log itself; the telemetry store that reads it in
a whole platform is tested elsewhere.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from insightengine.core.colours import Colour
from insightengine.core.settings import Runtime
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgePaths
from insightengine.release.gates import Traffic, bucket_of
from insightengine.release.means import Means
from insightengine.release.models import Kind
from insightengine.release.service import ReleaseService
from insightengine.runtimes.compose.names import Names
from insightengine.runtimes.compose.runtime import ComposeRuntime
from insightengine.runtimes.local.colours import wanted_colours
from insightengine.runtimes.local.records import alive_records
from insightengine.runtimes.local.supervisor import OVERSEERS
from insightengine.stores.journal.port import Asked, Journal, Operation
from insightengine.wiring.application import Placed
from insightengine.wiring.containers import compose_runtime, end_application, watcher
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.platform import edge_configuration, only_version, platform_processes
from insightengine.wiring.release import means_of, open_journal, read_request, request_of
from tests.docker.engine import Engine
from tests.scenarios.release.outcomes import LAST
from tests.supervised import context_in, supervised

TINY = Path(__file__).parents[2] / "applications/tiny"
QUICK = """
x-insight:
  release:
    watch: 1s
    watch_limit: 40s
    warm_up: 0s
    drain_timeout: 2s
    rollback_window: 10m
    gates: {p95_floor: 2ms}
"""


@dataclass(frozen=True)
class Ground:
    """One project folder with everything that a release needs."""

    context: PlatformContext
    folder: Path
    means: Means
    engine: Engine | None = None  # in which the application's containers run

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        return self.context.settings.base_port + 90

    @property
    def base(self) -> str:
        """The image that containers of the application are built on."""
        return self.engine.base if self.engine else ""

    @property
    def service(self) -> ReleaseService:
        return ReleaseService(self.means)

    def rewrite(self, old: str, new: str) -> None:
        """Changes the Compose file."""
        file = self.folder / "compose.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def ask(self, *, quick: bool = False, plan_only: bool = False, **behaviour: Any) -> Operation:
        """Queues a deployment of the tiny application that behaves like that."""
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour))
        file = self.folder / "compose.yaml"
        variables = {"TINY_PORT": str(self.port), "BASE_PYTHON": self.base}
        runtime = self.context.settings.runtime
        parameters = request_of(file.read_text(), file, variables, (), None, runtime)
        parameters |= {"skip_checks": quick, "plan_only": plan_only}
        asked = Asked("tiny", Kind.DEPLOY.value, "ada", "", parameters)
        return self.means.journal.ask(asked, self.means.now())

    def deploy(self, *, quick: bool = False, **behaviour: Any) -> Operation:
        operation = self.ask(quick=quick, **behaviour)
        self.service.work()
        return self.means.journal.operation(operation.id)

    def roll_back(self, release: str = "") -> Operation:
        asked = Asked("tiny", Kind.ROLLBACK.value, "ada", "", {"release": release})
        operation = self.means.journal.ask(asked, self.means.now())
        self.service.work()
        return self.means.journal.operation(operation.id)

    def colours(self) -> dict[str, str]:
        """The release in each colour that runs."""
        found = self.means.runtime.instances("tiny")
        return {one.colour.value: one.release for one in found if one.colour is not None}

    def version(self) -> str:
        """That a visitor sees."""
        return str(httpx.get(self.url, timeout=5).json()["version"])

    def strays(self) -> list[str]:
        """Processes, containers and networks that belong to no colour, and half-made images."""
        state = self.means.journal.unit("tiny")
        kept = {state.serving, state.warm}
        found = self.means.runtime.instances("tiny")
        odd = [one.name for one in found if one.colour and one.release not in kept]
        if self.engine is None:
            run = self.context.state.run
            known = {*(spec.name for spec in wanted_colours(run)), "edge", *OVERSEERS}
            return odd + sorted(alive_records(run).keys() - known)
        return odd + labelled(self.engine, self.context, "kind=task") + half_made(self)

    def serving_pid(self) -> int:
        """Of the process that answers, as this machine counts, whatever it is called inside."""
        told = int(httpx.get(self.url, timeout=5).json()["pid"])
        runtime = self.means.runtime
        if not isinstance(runtime, ComposeRuntime):
            return told
        serving = self.means.edge.selection("tiny").colour
        [pid] = [
            one.process
            for one in runtime.containers("tiny")
            if one.instance and one.instance.colour is serving and one.process
        ]
        return pid

    def story(self, operation: Operation) -> str:
        """Everything the journal knows of it, for the message of a failed test."""
        entries = self.means.journal.entries(operation.id)
        lines = [f"{e.at:%S.%f} {e.phase} {e.step} {dict(e.detail)}" for e in entries]
        return "\n".join([operation.summary, *lines])


def means_in(context: PlatformContext, journal: Journal) -> Means:
    """Those of a platform, but the servers that are left out."""
    return replace(
        means_of(context, journal),
        measure=lambda sites, release, since, until: _measured(context, release, since, until),
        memory=lambda release, since, until: None,
        restore_point=lambda name: None,
    )


def _measured(context: PlatformContext, release: str, since: datetime, until: datetime) -> Traffic:
    latency: Counter[int] = Counter()
    errors = 0
    for line in EdgePaths.of(context.state).access_log.read_text().splitlines():
        one = json.loads(line)
        if one["release"] == release and since.timestamp() <= one["msec"] < until.timestamp():
            latency[bucket_of(1000 * one["duration_s"])] += 1
            errors += one["status"] >= 500
    return Traffic(latency.total(), errors, latency)


@contextmanager
def ground(
    more: str = QUICK, engine: Engine | None = None, environment: str = ""
) -> Iterator[Ground]:
    """With an engine the application runs in its containers, otherwise as processes.

    `environment` is another one than the folder's own; only containers could meet in between.
    """
    folder = Path(tempfile.mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    for file in TINY.iterdir():
        shutil.copy(file, folder)
    with (folder / "compose.yaml").open("a") as compose:
        compose.write(more)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.environment.items() if engine else ():
            patch.setenv(name, value)
        context = context_in(folder, Runtime.COMPOSE if engine else Runtime.LOCAL, environment)
        try:
            NginxEdge(EdgePaths.of(context.state)).install(
                edge_configuration(context, {}, only_version(folder / "out"))
            )
            specs = [one for one in platform_processes(context, None) if one.name == "edge"]
            specs += [watcher(context)] if environment else []  # promoting asks what it tells
            with supervised(context, specs):
                means = means_in(context, open_journal(context))
                yield Ground(context, folder, means, engine)
                LAST.extend(means.journal.operations(None, None, 1))
        finally:
            if engine is not None:
                end_application(context)
                for artefact in compose_runtime(context).artefacts():
                    compose_runtime(context).discard(artefact)
                assert labelled(engine, context) == [], "something is left of containers"
            shutil.rmtree(folder, ignore_errors=True)


def labelled(engine: Engine, context: PlatformContext, *more: str) -> list[str]:
    """Containers and networks of the platform, with those labels."""
    labels = (f"platform={Names.of_state(context.state.root).platform}", *more)
    filters = [w for label in labels for w in ("--filter", f"label=io.insightengine.{label}")]
    containers = engine.docker("ps", "--all", "--format", "{{.Names}}", *filters)
    networks = engine.docker("network", "ls", "--format", "{{.Name}}", *filters)
    return containers.split() + ([] if more else networks.split())


def half_made(one: Ground) -> list[str]:
    """Images that a build began and no release is made of."""
    assert one.engine is not None
    names = Names.of_state(one.context.state.root)
    return one.engine.docker("image", "ls", "--quiet", f"{names.repository}-build").split()


def placed_in(folder: Path, port: int) -> Placed:
    """The tiny application as it is in a folder."""
    file = folder / "compose.yaml"
    source, _ = read_request(request_of(file.read_text(), file, {"TINY_PORT": str(port)}, ()))
    return Placed(source.application, folder, "", ())


BLUE, GREEN = Colour.BLUE, Colour.GREEN
