"""kill -9 of `insight recover` itself, alone or with what it had started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from insightengine.recovery.catalogue import FILE, open_database
from insightengine.recovery.journal import Journal, Operation, OperationKind, OperationState
from tests.ports import free_base_port
from tests.scenarios.platform import INSIGHT, eventually
from tests.scenarios.recovery.ground import Ground, ground, open_folder
from tests.scenarios.recovery.outcomes import told


class Bare:
    """An empty machine: a folder, the repository, and a recovery key."""

    def __init__(self, folder: Path, repository: Path, key: Path) -> None:
        self.folder = folder
        self.state = folder / ".insight"
        self.key = key
        self.command = [str(INSIGHT), "recover", "--from", str(repository), "--yes", "--json"]
        self.command += ["--no-start", "--telemetry", "--project", str(folder)]
        self.environment = {**os.environ, "INSIGHT_BASE_PORT": str(free_base_port())}

    def begin(self) -> subprocess.Popen[bytes]:
        command = [*self.command, "--key", str(self.key)]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL)

    def finish(self) -> subprocess.CompletedProcess[str]:
        """With the key from a pipe, as one that a password manager prints."""
        return subprocess.run(
            [*self.command, "--key", "/dev/stdin"],
            env=self.environment,
            input=self.key.read_text(encoding="utf-8"),
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def operations(self) -> list[Operation]:
        if not (self.state / "recovery" / FILE).exists():
            return []
        with closing(open_database(self.state / "recovery")) as database:
            return Journal(database).recent(10, OperationKind.RESTORE)

    def has_state(self) -> bool:
        return (self.state / "recovery/configuration.json").exists()

    def restores(self) -> bool:
        work = self.state / "recovery/work"
        return self.has_cluster() or any(work.glob("*/cluster/base"))

    def has_cluster(self) -> bool:
        return (self.state / "postgres/PG_VERSION").exists()

    def fetches_telemetry(self) -> bool:
        return any(one.request.get("telemetry") for one in self.operations())


@pytest.fixture(scope="module")
def lost() -> Iterator[tuple[Ground, Path, Path]]:
    """A platform, its repository, and a key that opens its newest backup."""
    with open_folder() as repository, ground(to=f"{{folder: {repository}}}") as one:
        key = one.folder / "recovery.key"
        one.insight("recover", "key", "create", "--out", str(key))
        before = one.count_proven()
        one.kill("backups")  # it reads the keys anew
        one.proven(before, 90)
        yield one, repository, key


@pytest.fixture
def bare(lost: tuple[Ground, Path, Path]) -> Iterator[Bare]:
    one, repository, key = lost
    folder = Path("/var/tmp") / f"{one.folder.name}-bare"
    folder.mkdir(mode=0o755)
    yield Bare(folder, repository, key)
    shutil.rmtree(folder)


def killed(command: subprocess.Popen[bytes], *, with_children: bool) -> None:
    children = psutil.Process(command.pid).children(recursive=True) if with_children else []
    for process in (command, *children):
        process.kill()
    command.wait()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("with_children", [True, False], ids=["with-operation", "alone"])
def test_a_recovery_that_is_killed_goes_on_where_it_was(
    lost: tuple[Ground, Path, Path], bare: Bare, with_children: bool
) -> None:
    one, _, _ = lost
    moments = (bare.has_state, bare.restores, bare.has_cluster, bare.fetches_telemetry)
    for moment in moments:
        command = bare.begin()
        eventually(moment, 60, f"{moment.__name__} holds")
        assert command.poll() is None, moment
        killed(command, with_children=with_children)
    began_at = time.monotonic()
    done = bare.finish()
    seconds = time.monotonic() - began_at
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["backup"] == one.house.backups()[-1].id
    assert "no backup" in result["telemetry_problem"]
    assert bare.has_cluster()
    restores = [o for o in bare.operations() if not o.request.get("telemetry")]
    assert [o.state for o in restores] == [OperationState.DONE]
    again = bare.finish()
    assert again.returncode == 4
    assert "holds a cluster" in again.stderr
    what = "with the operation that it had started" if with_children else "alone"
    told(
        f"`kill -9` of `insight recover` at {len(moments)} moments, {what}",
        None,
        "each time the same command goes on; the cluster is restored once",
        seconds=f"{seconds:.1f} s for the last attempt",
    )
