"""One tiny application, and the runtimes that it is brought up by."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from insightengine.application.load import load_application
from insightengine.runtimes.compose.names import Names
from insightengine.runtimes.compose.runner import Runner, docker_environment
from insightengine.runtimes.compose.runtime import ComposeRuntime
from insightengine.runtimes.local.artefacts import Artefacts
from insightengine.runtimes.local.colours import LocalRuntime
from insightengine.runtimes.port import ReleaseRuntime, Source, Unit
from insightengine.wiring.application import unit_processes
from tests.docker.engine import Engine
from tests.fakes.runtime import FakeRuntime
from tests.supervised import context_in, supervised

TINY = Path(__file__).parents[1] / "applications/tiny"


@dataclass(frozen=True)
class Harness:
    """A runtime, the folder its source is in, and `again`: the same runtime after a restart."""

    runtime: ReleaseRuntime
    again: Callable[[], ReleaseRuntime]
    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def source(self, services: str = "web worker", **behaviour: Any) -> Source:
        """The tiny application with that behaviour, and only those of its services."""
        (self.folder / "behaviour.json").write_text(json.dumps({"version": "1", **behaviour}))
        text = (self.folder / "compose.yaml").read_text()
        application = load_application(text, str(self.folder / "compose.yaml"), self.variables)
        left_out = tuple(s for s in application.services if s.name not in services.split())
        kept = tuple(s for s in application.services if s not in left_out)
        return Source(replace(application, services=kept), self.folder)

    def unit(self, release: str, services: str = "web worker", **behaviour: Any) -> Unit:
        source = self.source(services, version=release, **behaviour)
        artefacts = {
            one.name: self.runtime.obtain(source, one.name, lambda _: None)
            for one in source.started
        }
        return Unit(release, source, artefacts)


@contextmanager
def fake(_: pytest.FixtureRequest) -> Iterator[Harness]:
    runtime = FakeRuntime()
    with _folder() as folder:
        yield Harness(runtime, lambda: runtime, folder)
        runtime.close()


@contextmanager
def _folder() -> Iterator[Path]:
    """The tiny application in a folder that services may enter, whoever they run as."""
    folder = Path(tempfile.mkdtemp(prefix="insight-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    shutil.copytree(TINY, folder / "tiny")
    try:
        yield folder / "tiny"
    finally:
        shutil.rmtree(folder)


@contextmanager
def compose(request: pytest.FixtureRequest) -> Iterator[Harness]:
    engine: Engine = request.getfixturevalue("docker_engine")
    runner = Runner({**docker_environment(), **engine.environment})
    with _folder() as folder:
        names = Names.of_state(folder)

        def make() -> ComposeRuntime:
            return ComposeRuntime(names, folder.parent / "compose", runner=runner)

        runtime = make()
        try:
            yield Harness(runtime, make, folder, {"BASE_PYTHON": engine.base})
        finally:
            runtime.remove_all("tiny")
            for artefact in runtime.artefacts():
                runtime.discard(artefact)


@contextmanager
def local(_: pytest.FixtureRequest) -> Iterator[Harness]:
    with _folder() as folder:
        context = context_in(folder.parent)

        def make() -> LocalRuntime:
            artefacts = Artefacts(context.state.releases / "artefacts", None)
            return LocalRuntime(
                context.state,
                artefacts,
                lambda unit, colour, folders: unit_processes(context, unit, colour, folders),
            )

        with supervised(context):
            yield Harness(make(), make, folder)


RUNTIMES = {"fake": fake, "local": local, "compose": compose}
