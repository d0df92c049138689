"""What comes in the way of a release: nginx, another release, a full disk, long requests."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.steady_load import steady_load
from insightengine.core.errors import InsightError
from insightengine.edge.models import EdgePaths
from insightengine.stores.journal.port import Operation
from tests.docker.engine import Engine
from tests.scenarios.release.ground import QUICK, Ground, ground
from tests.scenarios.release.load import LOADS, Load, load_on
from tests.scenarios.release.test_release import assert_taken_back

pytestmark = pytest.mark.timeout(170)


def test_what_nginx_itself_refuses_leaves_the_last_good_configuration(serving: Ground) -> None:
    paths = EdgePaths.of(serving.context.state)
    before = paths.configuration.read_text()
    paths.maintenance.write_text("this is no map;\n")
    with load_on(serving.port) as load:
        operation = serving.deploy(version="2")
        assert_taken_back(serving, operation, "edge_configuration_refused")
        assert paths.configuration.read_text() == before
        paths.maintenance.write_text("")
        again = serving.deploy(quick=True, version="2")
    assert again.state == "done", serving.story(again)
    assert load.failures == []


def test_of_two_deployments_at_once_one_is_carried_out_and_once(serving: Ground) -> None:
    together = threading.Barrier(2)
    asked: list[Operation] = []
    refused: list[InsightError] = []

    def deploy() -> None:
        together.wait()
        try:
            asked.append(serving.ask(quick=True, version="2"))
        except InsightError as error:
            refused.append(error)
        together.wait()
        serving.service.work()

    threads = [threading.Thread(target=deploy) for _ in range(2)]
    with load_on(serving.port) as load:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [error.code for error in refused] == ["release_in_progress"]
    after = serving.means.journal.operation(asked[0].id)
    assert after.state == "done", serving.story(after)
    steps = [e.step for e in serving.means.journal.entries(after.id) if e.phase.value == "intent"]
    assert len(steps) == len(set(steps)), "a step was begun by both"
    assert (serving.version(), load.failures) == ("2", [])


@contextmanager
def full_disk(one: Ground, engine: Engine | None) -> Iterator[int]:
    """The disk that builds are written to has room for a small one; yields what does not fit."""
    if engine is None:
        artefacts = one.context.state.releases / "artefacts"
        with small_disk(artefacts, "256k"):
            yield 400_000
            assert list(artefacts.glob("*.partial")) == [], "what was half built takes no space"
        return
    if engine.disk is None:
        pytest.skip("the engine's data is not on a disk of the tests' own, which could be filled")
    filling = engine.disk / "filling"
    try:
        with filling.open("wb") as file:
            room = os.statvfs(engine.disk)
            os.posix_fallocate(file.fileno(), 0, room.f_bavail * room.f_frsize - 16 * 1024**2)
        yield 64 * 1024**2
    finally:
        filling.unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_disk_that_is_full_while_building_changes_nothing(engine: Engine | None) -> None:
    with ground(engine=engine) as one, full_disk(one, engine) as too_much:
        first = one.deploy(quick=True, version="1")
        assert first.state == "done", one.story(first)
        dockerfile = one.folder / "Dockerfile"
        small = dockerfile.read_text()
        dockerfile.write_text(f"{small}COPY large.bin ./\n")
        (one.folder / "large.bin").write_bytes(os.urandom(too_much))
        with load_on(one.port) as load:
            operation = one.deploy(version="2")
        assert operation.state == "failed", one.story(operation)
        assert re.search(r"the disk( of Docker)? is full", operation.summary)
        assert (one.version(), load.failures) == ("1", [])
        dockerfile.write_text(small)
        (one.folder / "large.bin").unlink()
        again = one.deploy(quick=True, version="2")
        assert again.state == "done", one.story(again)


def test_streams_and_websockets_are_finished_before_their_colour_stops(
    engine: Engine | None,
) -> None:
    with ground(QUICK.replace("drain_timeout: 2s", "drain_timeout: 30s"), engine) as one:
        assert one.deploy(quick=True, version="1").state == "done"
        with steady_load(one.port, sessions=1, session_s=8) as load:
            changes = [one.deploy(quick=True, version=number) for number in ("2", "3")]
        for operation in changes:
            assert operation.state == "done", one.story(operation)
        assert load.failed() == []
        took_s = [sample.took_ms / 1000 for sample in load.samples]
        LOADS.append(Load(one.port, latencies_s=took_s))
        long = {sample.kind for sample in load.samples if sample.took_ms > 7000}
        assert long == {"stream", "websocket"}
        drains = [e for e in one.means.journal.entries(changes[1].id) if e.step == "drain:idle"]
        assert drains[-1].detail["unfinished"] == 0
        assert one.version() == "3"
