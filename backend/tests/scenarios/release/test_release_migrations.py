"""Migrations that fail, and those that have to wait, while the old release goes on serving."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.scenarios.release.database import database, migrating, write_migration
from tests.scenarios.release.ground import Ground
from tests.scenarios.release.load import load_on

pytestmark = pytest.mark.timeout(170)


@pytest.fixture(scope="module")
def conninfo() -> Iterator[str]:
    with database() as found:
        yield found


@pytest.fixture
def migrated(serving: Ground, conninfo: str) -> Ground:
    """Version 1 serves, and its first migration made the table `things`."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS things, insight_migrations")
    one = migrating(serving, conninfo)
    write_migration(
        one, "0001_things", "CREATE TABLE things (id bigint PRIMARY KEY);", "DROP TABLE things;"
    )
    first = one.deploy(quick=True, version="1")
    assert first.state == "done", one.story(first)
    return one


def columns(conninfo: str) -> set[str]:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'things'"
        ).fetchall()
    return {str(row[0]) for row in rows}


def test_a_migration_that_fails_leaves_the_old_release_and_its_schema(
    migrated: Ground, conninfo: str
) -> None:
    add = "ALTER TABLE things ADD COLUMN colour text;"
    write_migration(migrated, "0002_colour", add, "ALTER TABLE things DROP COLUMN colour;")
    bad = "ALTER TABLE things ADD COLUMN size nonsense;"
    write_migration(migrated, "0003_bad", bad, "ALTER TABLE things DROP COLUMN size;")
    with load_on(migrated.port) as load:
        operation = migrated.deploy(version="2")
    story = migrated.story(operation)
    assert operation.state == "failed", story
    assert "0003_bad failed, nothing of it was kept" in operation.summary
    assert "applying 0002_colour" in story, "it is told what was applied"
    assert columns(conninfo) == {"id"}, "0002 was taken back"
    assert migrated.version() == "1"
    assert load.failures == []
    assert set(load.answers) == {"1"}


def test_a_migration_waits_for_its_lock_without_holding_up_the_application(
    migrated: Ground, conninfo: str
) -> None:
    add = "ALTER TABLE things ADD COLUMN colour text;"
    write_migration(migrated, "0002_colour", add, "ALTER TABLE things DROP COLUMN colour;")
    held, over = threading.Event(), threading.Event()

    def hold() -> None:
        """A transaction that reads the table for long, as a report does."""
        with psycopg.connect(conninfo) as connection:
            connection.execute("SELECT count(*) FROM things")
            held.set()
            over.wait(60)

    reader = threading.Thread(target=hold)
    reader.start()
    held.wait(10)
    operation = migrated.ask(quick=True, version="2")
    with load_on(migrated.port) as load:
        worker = threading.Thread(target=migrated.service.work)
        worker.start()
        await_note(migrated, operation.id, "a lock was not free; attempt 2")
        over.set()
        worker.join()
        reader.join()
    after = migrated.means.journal.operation(operation.id)
    assert after.state == "done", migrated.story(after)
    assert columns(conninfo) == {"id", "colour"}
    assert migrated.version() == "2"
    assert load.failures == []


def await_note(one: Ground, operation: int, text: str, limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not any(text in str(e.detail) for e in one.means.journal.entries(operation)):
        assert time.monotonic() < deadline, one.story(one.means.journal.operation(operation))
        time.sleep(0.05)
