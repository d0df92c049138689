"""Releases of the console that change its own database, also with a releaser that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg
import pytest

from insightengine.core.settings import PortOffset
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgePaths
from insightengine.runtimes.local.records import alive_records
from insightengine.stores.journal.port import Operation
from insightengine.wiring.environment import PlatformContext, running_context
from insightengine.wiring.operations import CONSOLE, follow, journal_of
from insightengine.wiring.requests import ask_console_deployment
from tests.scenarios.console import Console
from tests.scenarios.platform import REPOSITORY, Platform, eventually
from tests.scenarios.release.colleagues import at_work
from tests.scenarios.release.conftest import EVERYTHING
from tests.scenarios.release.consoles import (
    apis,
    assert_still_logged_in,
    deploy,
    seen,
    serving,
    somebody,
    whole_platform,
)
from tests.scenarios.release.load import LOADS, Load
from tests.scenarios.release.outcomes import LAST, note
from tests.scenarios.release.versions import add_revision, make_version, rename_version, rewrite

pytestmark = pytest.mark.timeout(300)
NEVER = 10_000


@pytest.fixture
def platform() -> Iterator[Platform]:
    with whole_platform() as found:
        yield found


@pytest.fixture
def console(platform: Platform) -> Iterator[Console]:
    with somebody(platform) as found:
        yield found


def tables(context: PlatformContext) -> set[str]:
    """Of the console's database."""
    password = context.state.secret("postgres_insight_password").read_text(encoding="utf-8")
    port = context.settings.port(PortOffset.POSTGRES)
    with psycopg.connect(
        host="127.0.0.1", port=port, user="insight", dbname="insight", password=password.strip()
    ) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables").fetchall()
    return {str(row[0]) for row in rows}


def steps_of(context: PlatformContext, operation: Operation, *wanted: str) -> list[str]:
    done = [e for e in journal_of(context).entries(operation.id) if e.phase.value == "done"]
    return [entry.step for entry in done if entry.step in wanted]


def newest(context: PlatformContext) -> Operation:
    return journal_of(context).operations(CONSOLE, None, 1)[0]


def test_its_database_is_migrated_before_the_switch_while_people_work_on_both_versions(
    platform: Platform, console: Console
) -> None:
    context = running_context(platform.folder)
    first = deploy(platform, make_version(platform.folder / "one", "one"))
    two = make_version(platform.folder / "two", "two")
    add_revision(two, "0900", "CREATE TABLE made_by_two (id bigint)", "DROP TABLE made_by_two")
    with at_work(platform, console) as work:
        second = deploy(platform, two)
        work.await_more(5)
        assert seen(platform) == ("two", "two", second, second)
        assert "made_by_two" in tables(context)
        way = ("restore-point", "migrate", "verify-old", "start", "switch")
        assert steps_of(context, newest(context), *way) == list(way)
        platform.insight("rollback", "--unit", "console")
        work.await_more(5)
        assert seen(platform) == ("one", "one", first, first), "the old code runs on the new schema"
    assert work.failures == [], f"of {work.count} requests"
    assert set(work.answers["write"]) == {first, second}
    assert_still_logged_in(console)


def test_a_migration_of_its_database_that_fails_leaves_version_and_schema_as_they_were(
    platform: Platform, console: Console
) -> None:
    context = running_context(platform.folder)
    first = deploy(platform, make_version(platform.folder / "one", "one"))
    bad = make_version(platform.folder / "bad", "bad")
    add_revision(bad, "0900", "CREATE TABLE half_made (id bigint)", "DROP TABLE half_made")
    add_revision(bad, "0901", "ALTER TABLE half_made ADD COLUMN size nonsense", "SELECT 1")
    running = apis(platform)
    with at_work(platform, console) as work:
        assert deploy(platform, bad, expected=8) == first
        work.await_more(2)
    assert "nonsense" in newest(context).summary
    assert work.failures == [], f"of {work.count} requests"
    assert seen(platform) == ("one", "one", first, first)
    assert "half_made" not in tables(context)
    assert apis(platform) == running, "the new version was never started"
    assert_still_logged_in(console)


class Kills:
    """Releases of the console, each with a migration and a releaser that dies at its own moment.

    Meanwhile the platform's own releaser is held (SIGSTOP); let go, it is the next one.
    """

    def __init__(self, platform: Platform, console: Console) -> None:
        self.platform = platform
        self.console = console
        self.context = running_context(platform.folder)
        self.journal = journal_of(self.context)
        self.releaser = psutil.Process(platform.pid("releaser"))
        self.name = "before"
        self.folder = make_version(platform.folder / "version", self.name)
        policy = self.folder / "backend/console.yaml"
        rewrite(
            policy, "watch: 2s", "watch: 0s\n    warm_up: 0s\n    canary: [50]\n    canary_step: 0s"
        )
        rewrite(policy, "keep_for: 168h", "keep_for: 1s")
        lenient = "error_increase: 0.5, most_errors: 0.9, least_requests: 10"
        rewrite(
            policy, "p95_ratio: 3, p95_floor: 250ms", f"p95_ratio: 50, p95_floor: 5s, {lenient}"
        )
        deploy(platform, self.folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Not before it has given back the lease of the release before: nobody else could go on."""
        lease = eventually(lambda: self.journal.take(CONSOLE, 30.0), 30, "the lease is free")
        self.releaser.send_signal(signal.SIGSTOP)
        self.journal.give_back(lease)
        try:
            yield
        finally:
            self.releaser.send_signal(signal.SIGCONT)

    def ask(self, number: int) -> Operation:
        name = f"moment-{number}"
        rename_version(self.folder, self.name, name)
        self.name = name
        table = f"made_at_{number}"
        revision = f"{1000 + number}"
        add_revision(
            self.folder, revision, f"CREATE TABLE {table} (id bigint)", f"DROP TABLE {table}"
        )
        return ask_console_deployment(self.context, "ada", source=self.folder, message=name)

    def run(self, moment: int) -> int | None:
        """A releaser as the platform's own that dies then; how many moments there were if not."""
        ids = {"user": self.releaser.uids().real, "group": self.releaser.gids().real}
        done = subprocess.run(
            [sys.executable, "-m", "tests.scenarios.release.dying_console", str(moment)],
            env={**self.releaser.environ(), "PYTHONPATH": f"{REPOSITORY}/backend:{REPOSITORY}"},
            cwd=self.releaser.cwd(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **(ids | {"extra_groups": []} if os.geteuid() == 0 else {}),
        )
        if done.returncode == 0:
            return int(done.stdout)
        assert done.returncode == -signal.SIGKILL, done.stderr
        return None

    def at(self, moment: int, number: int) -> int | None:
        """Asserts that the next releaser ends it well and nobody notices; what `run` found."""
        with at_work(self.platform, self.console) as work:
            with self.held():
                operation = self.ask(number)
                moments = self.run(moment)
            *_, last = follow(self.journal, operation.id)
            work.await_more(2)
        assert isinstance(last, Operation)
        assert last.state == "done", f"killed at {moment}: {self.story(last)}"
        assert work.failures == [], f"killed at {moment}, of {work.count} requests"
        LOADS.append(Load(self.platform.base_port, latencies_s=[0.0] * work.count))
        self.assert_clean(number, moment)
        assert_still_logged_in(self.console)
        return moments

    def assert_clean(self, number: int, moment: int) -> None:
        state = self.journal.unit(CONSOLE)
        served = str(state.serving)
        assert seen(self.platform) == (self.name, self.name, served, served), moment
        assert f"made_at_{number}" in tables(self.context), moment
        run, kept = self.context.state.run, {served, state.warm}
        running = [r for name, r in alive_records(run).items() if name.startswith("api.")]
        assert len(running) == 2, f"killed at {moment}: the old one stays warm, and nothing else"
        assert set(apis(self.platform).values()) == kept, moment
        assert NginxEdge(EdgePaths.of(self.context.state)).selection(CONSOLE).share == 0
        artefacts = self.context.state.releases / "console/artefacts"
        assert list(artefacts.glob("*.partial")) == [], moment

    def story(self, operation: Operation) -> str:
        entries = self.journal.entries(operation.id)
        lines = [f"{e.at:%S.%f} {e.phase} {e.step} {dict(e.detail)}" for e in entries]
        return "\n".join([operation.summary, *lines])


@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    not EVERYTHING, reason="takes a quarter of an hour: INSIGHT_ALL_SCENARIOS=1 runs it"
)
def test_killed_at_every_entry_of_the_journal_of_its_release_nobody_notices(
    platform: Platform, console: Console
) -> None:
    kills = Kills(platform, console)
    moments = kills.at(NEVER, 0)
    assert moments is not None
    for moment in range(moments):
        assert kills.at(moment, moment + 1) is None
    LAST.append(newest(kills.context))
    note(f"killed at each of {moments} moments")
    assert serving(platform) == kills.journal.unit(CONSOLE).serving
