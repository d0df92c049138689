"""Releases that change a schema, on a real PostgreSQL: tried with the old code, and taken back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import psycopg
import pytest

from insightengine.release.migrations.folder import Connect
from tests.contracts.postgres_server import private_folder, server, unprivileged
from tests.scenarios.release.ground import QUICK, Ground, ground

pytestmark = pytest.mark.timeout(120)
POLICY = (
    f"{QUICK}    hooks:\n      before-migrate: sh -c 'echo $$INSIGHT_RELEASE >> migrated.log'\n"
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with unprivileged(), private_folder() as folder, server(folder) as one:
        yield f"postgresql://insight_admin@127.0.0.1:{one.port}/postgres"


@pytest.fixture
def shop(url: str) -> Iterator[Ground]:
    """Version 1 serves, and reads a column in each of its smoke requests."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with ground(POLICY) as one:
        file = one.folder / "compose.yaml"
        own = f"    environment: {{DATABASE_URL: '{url}'}}\n    x-insight:\n"
        more = "      migrations: {sql: migrations}\n      smoke: [/smoke]\n      health:"
        text = file.read_text().replace("    x-insight:\n      health:", f"{own}{more}", 1)
        file.write_text(text)
        (one.folder / "migrations").mkdir()

        def connect() -> psycopg.Connection[tuple[object, ...]]:
            return psycopg.connect(url, autocommit=True, client_encoding="utf8")

        points: list[str] = []

        def restore_point(name: str) -> str:
            with connect() as connection:
                [row] = connection.execute("SELECT pg_create_restore_point(%s)", (name,))
            points.append(name)
            return str(row[0])

        def database(_unit: object, _service: object) -> Connect:
            return connect

        one = replace(one, means=replace(one.means, database=database, restore_point=restore_point))
        migrate(one, "0001", "CREATE TABLE users (id int, name text)", "DROP TABLE users")
        first = one.deploy(quick=True, version="1", reads="SELECT name FROM users")
        assert first.state == "done", one.story(first)
        yield one


def migrate(one: Ground, name: str, up: str, down: str = "") -> None:
    (one.folder / f"migrations/{name}.up.sql").write_text(f"{up};\n")
    if down:
        (one.folder / f"migrations/{name}.down.sql").write_text(f"{down};\n")


def columns(url: str) -> set[str]:
    with psycopg.connect(url, client_encoding="utf8") as connection:
        rows = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'users'"
        ).fetchall()
    return {name for (name,) in rows}


def version(one: Ground) -> str:
    return str(httpx.get(one.url, timeout=5).json()["version"])


def steps(one: Ground, operation: int, phase: str) -> list[str]:
    return [e.step for e in one.means.journal.entries(operation) if e.phase.value == phase]


def test_an_addition_is_migrated_first_and_tried_with_the_code_that_serves(
    shop: Ground, url: str
) -> None:
    migrate(shop, "0002", "ALTER TABLE users ADD COLUMN nick text", "ALTER TABLE users DROP nick")
    operation = shop.deploy(quick=True, version="2", reads="SELECT nick FROM users")
    assert operation.state == "done", shop.story(operation)
    done = steps(shop, operation.id, "done")
    order = ["restore-point", "hook:before-migrate", "migrate", "verify-old", "start", "switch"]
    assert [step for step in done if step in order] == order
    [point] = [e for e in shop.means.journal.entries(operation.id) if e.detail.get("lsn")]
    assert point.step == "restore-point"
    assert "nick" in columns(url)


def test_old_code_that_fails_on_the_new_schema_gets_it_back_and_goes_on_serving(
    shop: Ground, url: str
) -> None:
    """What the lint cannot see: a view of the old code's own is the proof."""
    hidden = "DO $$ BEGIN EXECUTE 'ALTER TABLE users RENAME name TO title'; END $$"
    migrate(shop, "0002", hidden, "ALTER TABLE users RENAME title TO name")
    operation = shop.deploy(quick=True, version="2", reads="SELECT title FROM users")
    assert (operation.state, version(shop)) == ("failed", "1"), shop.story(operation)
    assert operation.failure is not None
    assert operation.failure["step"] == "verify-old", shop.story(operation)
    assert "migrate-down" in steps(shop, operation.id, "done")
    assert "start" not in steps(shop, operation.id, "intent"), "the new code was never started"
    assert columns(url) == {"id", "name"}


def test_a_rename_waits_until_no_old_code_may_come_back_and_is_taken_back_with_its_release(
    shop: Ground, url: str
) -> None:
    assert shop.deploy(quick=True, version="1b", reads="SELECT id FROM users").state == "done"
    rename = "ALTER TABLE users RENAME name TO title"
    migrate(shop, "0002", rename, "ALTER TABLE users RENAME title TO name")
    early = shop.deploy(quick=True, version="2", reads="SELECT title FROM users")
    assert early.state == "refused", shop.story(early)
    assert (early.failure or {})["code"] == "contract_too_early"
    assert columns(url) == {"id", "name"}

    state = shop.means.journal.unit("tiny")
    shop.means.journal.remember(replace(state, warm_until=shop.means.now()))
    (shop.folder / "behaviour.json").write_text(json.dumps({}))
    operation = shop.deploy(quick=True, version="2", reads="SELECT title FROM users", smoke=500)
    assert (operation.state, version(shop)) == ("failed", "1b"), shop.story(operation)
    assert (operation.failure or {})["code"] == "smoke_failed"
    assert "migrate-down" in steps(shop, operation.id, "done")
    assert columns(url) == {"id", "name"}


def test_a_migration_that_fails_leaves_the_old_release_and_says_what_was_applied(
    shop: Ground, url: str
) -> None:
    migrate(shop, "0002", "ALTER TABLE users ADD COLUMN nick text", "ALTER TABLE users DROP nick")
    migrate(shop, "0003", "ALTER TABLE nobody ADD COLUMN nick text", "SELECT 1")
    operation = shop.deploy(quick=True, version="2")
    assert (operation.state, version(shop)) == ("failed", "1"), shop.story(operation)
    assert "nobody" in operation.summary
    assert "0002" in shop.story(operation)
    assert columns(url) == {"id", "name"}, "what was applied is taken back"
