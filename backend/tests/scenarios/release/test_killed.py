"""A releaser that is killed with -9, at every step and in the middle of one; the next converges."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from insightengine.wiring.environment import as_environment
from tests.docker.engine import Engine
from tests.scenarios.release.conftest import EVERYTHING
from tests.scenarios.release.ground import QUICK, Ground, ground
from tests.scenarios.release.load import load_on

REPOSITORY = Path(__file__).parents[4]


def run_killed(one: Ground, when: str) -> int | None:
    """Runs a releaser that dies then; how many moments there were when it did not."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.release.killed", when],
        env={**os.environ, **as_environment(one.context), "PYTHONPATH": f"{REPOSITORY}/backend"},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == 0:
        return int(done.stdout)
    assert done.returncode == -9, done.stderr
    return None


def assert_converges(one: Ground, when: str) -> list[str]:
    """Requests that failed while a release was killed and finished by another releaser."""
    with load_on(one.port) as load:
        operation = one.ask(quick=True, version=f"at-{when}")
        run_killed(one, when)
        one.service.work()
    after = one.means.journal.operation(operation.id)
    assert after.state == "done", f"killed at {when}: {one.story(after)}"
    assert one.version() == f"at-{when}"
    assert one.strays() == [], f"killed at {when}"
    return [f"killed at {when}: {failure}" for failure in load.failures]


@pytest.mark.timeout(3600)
def test_killed_at_every_entry_of_the_journal_the_next_run_converges(
    engine: Engine | None,
) -> None:
    """Every moment of a release in turn; each time it is a new one."""
    with ground(QUICK, engine) as one:
        assert one.deploy(quick=True, version="0").state == "done"
        one.ask(quick=True, version="moments")
        moments = run_killed(one, "10000")
        assert moments is not None
        failed = [line for at in range(moments) for line in assert_converges(one, str(at))]
        assert failed == []
        print(f"killed at {moments} moments, all converged")  # noqa: T201


@pytest.mark.timeout(300)
@pytest.mark.containers
def test_killed_while_a_step_is_at_work_the_next_run_converges(engine: Engine | None) -> None:
    """Its own commands must not go on without it: two of them would meet."""
    with ground(QUICK, engine) as one:
        assert one.deploy(quick=True, version="0").state == "done"
        assert one.deploy(quick=True, version="1").state == "done"
        steps = ("start", "replace", "stop") if engine is None or EVERYTHING else ("replace",)
        failed = [line for step in steps for line in assert_converges(one, f"{step}+0.15")]
        assert failed == []
