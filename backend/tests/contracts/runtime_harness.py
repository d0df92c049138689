"""One tiny application, and the runtimes that it is brought up by."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from insightengine.application.load import load_application
from insightengine.runtimes.port import ReleaseRuntime, Source, Unit
from tests.fakes.runtime import FakeRuntime

TINY = Path(__file__).parents[1] / "applications/tiny"


@dataclass(frozen=True)
class Harness:
    """A runtime, the folder its source is in, and `again`: the same runtime after a restart."""

    runtime: ReleaseRuntime
    again: Callable[[], ReleaseRuntime]
    folder: Path

    def source(self, services: str = "web worker", **behaviour: Any) -> Source:
        """The tiny application with that behaviour, and only those of its services."""
        (self.folder / "behaviour.json").write_text(json.dumps({"version": "1", **behaviour}))
        text = (self.folder / "compose.yaml").read_text()
        application = load_application(text, str(self.folder / "compose.yaml"), {})
        left_out = tuple(s for s in application.services if s.name not in services.split())
        kept = tuple(s for s in application.services if s not in left_out)
        return Source(type(application)(application.name, application.file, kept), self.folder)

    def unit(self, release: str, services: str = "web worker", **behaviour: Any) -> Unit:
        source = self.source(services, version=release, **behaviour)
        artefacts = {
            one.name: self.runtime.obtain(source, one.name, lambda _: None)
            for one in source.started
        }
        return Unit(release, source, artefacts)


@contextmanager
def fake() -> Iterator[Harness]:
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


RUNTIMES = {"fake": fake}
