"""A release whose database is a container of the application: its migrations, and a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from insightengine.stores.journal.port import Operation
from tests.docker.engine import Engine
from tests.docker.postgres import postgres_image
from tests.scenarios.release.ground import QUICK, Ground, ground

pytestmark = pytest.mark.timeout(300)
DATABASE = """services:
  postgres:
    image: {image}
    environment: {{POSTGRES_USER: tiny, POSTGRES_PASSWORD: "se$$cret", POSTGRES_DB: goods}}
    volumes: [goods:/data]
    healthcheck: {{test: [CMD, pg_isready, -h, 127.0.0.1], interval: 500ms, retries: 60}}
"""


@pytest.fixture(scope="module")
def shop(docker_engine: Engine) -> Iterator[Ground]:
    image = postgres_image(docker_engine)
    with ground(QUICK + "\nvolumes:\n  goods:\n", docker_engine) as one:
        (one.folder / "migrations").mkdir()
        one.rewrite("services:\n", DATABASE.format(image=image))
        one.rewrite(
            "    x-insight:\n      health:",
            "    x-insight:\n      migrations: {sql: migrations}\n      health:",
        )
        yield one
    docker_engine.docker("volume", "rm", "--force", "tiny_goods")
    docker_engine.docker("image", "rm", "--force", image)


def migrated(one: Ground, version: str, up: str, down: str) -> Operation:
    (one.folder / f"migrations/{version}.up.sql").write_text(up)
    (one.folder / f"migrations/{version}.down.sql").write_text(down)
    return one.deploy(quick=True, version=version)


def tables(one: Ground) -> set[str]:
    state = one.means.journal.unit("tiny")
    unit = one.means.open_unit(one.means.journal.release("tiny", state.serving or ""))
    with closing(one.means.database(unit, "web")()) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {str(name) for (name,) in rows}


def test_the_database_is_there_before_the_first_migration(shop: Ground) -> None:
    first = migrated(shop, "1", "CREATE TABLE goods (id bigint PRIMARY KEY);", "DROP TABLE goods;")
    assert first.state == "done", shop.story(first)
    assert tables(shop) == {"goods", "insight_migrations"}


def test_a_migration_that_fails_leaves_the_old_release_serving(shop: Ground) -> None:
    failed = migrated(shop, "2", "CREATE TABLE goods (id bigint PRIMARY KEY);", "SELECT 1;")
    assert failed.state == "failed", shop.story(failed)
    assert "goods" in failed.summary
    assert (shop.version(), tables(shop)) == ("1", {"goods", "insight_migrations"})
