"""A releaser that is killed with -9, at every step and in the middle of one; the next converges.

Moments are enumerated from the journal, not sampled: two a write, each time of a new release.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from insightengine.edge.models import EdgePaths
from insightengine.stores.journal.port import Operation
from insightengine.wiring.environment import as_environment
from tests.docker.engine import Engine
from tests.scenarios.release.conftest import EVERYTHING
from tests.scenarios.release.database import DATABASE, database, migrating, write_migration
from tests.scenarios.release.ground import QUICK, Ground, ground
from tests.scenarios.release.load import load_on
from tests.scenarios.release.outcomes import note

REPOSITORY = Path(__file__).parents[4]
# Projects at a time, each with its share of the moments; containers of one name would meet in one.
ENVIRONMENTS = ("", "staging")
NEVER = 10_000
WITH_EVERYTHING = """
x-insight:
  release:
    watch: 0s
    watch_limit: 60s
    warm_up: 0s
    drain_timeout: 2s
    rollback_window: 10m
    canary: [50]
    canary_step: 0s
    gates: {p95_ratio: 50, p95_floor: 2s, error_increase: 0.5, most_errors: 0.9, least_requests: 10}
    hooks:
      before-build: "true"
      before-migrate: "true"
      before-switch: "true"
      after-switch: "true"
"""


class Kills:
    """Releases of one project, each by a releaser that dies at a moment of its own.

    With a `conninfo` each has a migration; without `quick` its gates, canary and hooks run, too.
    """

    def __init__(self, one: Ground, conninfo: str = "", *, quick: bool = True) -> None:
        self.one = one
        self._conninfo = conninfo
        self._quick = quick
        self._migrations = 0
        for version_before in ("0", "1"):  # so that the idle colour has to be emptied, too
            before = one.deploy(quick=True, version=version_before)
            assert before.state == "done", one.story(before)

    def _ask(self, name: str) -> Operation:
        if self._conninfo:
            table = f"made_{name.replace('-', '_')}"
            up, down = f"CREATE TABLE {table} (id bigint PRIMARY KEY);", f"DROP TABLE {table};"
            self._migrations += 1
            write_migration(self.one, f"{self._migrations:04}_{name}", up, down)
        return self.one.ask(quick=self._quick, version=name)

    def count(self) -> int:
        """How many moments a release has."""
        with load_on(self.one.port):
            self._ask("moments")
            moments = self._run(str(NEVER))
        assert moments is not None
        return moments

    def at(self, when: str) -> list[str]:
        """Asserts that the next releaser finished it; the requests that failed meanwhile."""
        name = f"at-{when.partition('.')[0].replace('+', '-')}"
        EdgePaths.of(self.one.context.state).access_log.write_text("")  # read whole at each look
        with load_on(self.one.port) as load:
            operation = self._ask(name)
            self._run(when)
            self.one.service.work()
        self._assert_converged(name, operation)
        return [f"killed at {when}: {failure}" for failure in load.failures]

    def _assert_converged(self, name: str, operation: Operation) -> None:
        after = self.one.means.journal.operation(operation.id)
        assert after.state == "done", f"{name}: {self.one.story(after)}"
        assert self.one.version() == name
        assert len(self.one.colours()) == 2
        assert self.one.means.edge.selection("tiny").share == 0
        assert self.one.strays() == [], name

    def _run(self, when: str) -> int | None:
        """A releaser that dies then; how many moments there were when it did not."""
        environment = {**as_environment(self.one.context), "PYTHONPATH": f"{REPOSITORY}/backend"}
        done = subprocess.run(
            [sys.executable, "-m", "tests.scenarios.release.killed", when],
            env={**os.environ, **environment, DATABASE: self._conninfo},
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


def assert_every_moment_converges(projects: list[Kills]) -> None:
    moments = projects[0].count()

    def share(number: int) -> list[str]:
        mine = range(number, moments, len(projects))
        return [failure for moment in mine for failure in projects[number].at(f"{moment:03}")]

    with ThreadPoolExecutor(len(projects)) as pool:
        failed = [failure for found in pool.map(share, range(len(projects))) for failure in found]
    assert failed == []
    note(f"killed at each of {moments} moments")


@pytest.mark.timeout(3600)
def test_killed_at_every_entry_of_the_journal_the_next_run_converges(
    engine: Engine | None,
) -> None:
    with ground(QUICK, engine) as one:
        assert_every_moment_converges([Kills(one)])


@pytest.mark.timeout(300)
@pytest.mark.containers
def test_killed_while_a_step_is_at_work_the_next_run_converges(engine: Engine | None) -> None:
    """Its own commands must not go on without it: two of them would meet."""
    with ground(QUICK, engine) as one:
        kills = Kills(one)
        steps = ("start", "replace", "stop") if engine is None or EVERYTHING else ("replace",)
        failed = [line for step in steps for line in kills.at(f"{step}+0.15")]
        assert failed == []


@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    not EVERYTHING, reason="takes a quarter of an hour: INSIGHT_ALL_SCENARIOS=1 runs it"
)
def test_killed_at_every_entry_of_a_release_with_migrations_canary_and_hooks(
    engine: Engine | None,
) -> None:
    with ExitStack() as stack:
        projects = []
        for environment in ENVIRONMENTS:
            conninfo = stack.enter_context(database())
            of_its_own = ground(WITH_EVERYTHING, engine, environment if engine else "")
            one = migrating(stack.enter_context(of_its_own), conninfo)
            projects.append(Kills(one, conninfo, quick=False))
        assert_every_moment_converges(projects)
