"""A real PostgreSQL for releases that migrate; the tiny application itself does not use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psycopg

from insightengine.release.means import Means
from tests.contracts.postgres_server import private_folder, server, unprivileged
from tests.scenarios.release.ground import Ground

DATABASE = "TESTED_RELEASE_DATABASE"  # how a releaser of its own process is told of it
_MIGRATED = "      migrations: {sql: migrations, lock_timeout: 200ms, attempts: 30}\n"


@contextmanager
def database() -> Iterator[str]:
    """How to connect to a server of the test's own."""
    with ExitStack() as stack:
        with unprivileged():  # only what starts it: the supervisor needs to be whoever it is
            made = stack.enter_context(server(stack.enter_context(private_folder())))
        yield f"{made.address.words} dbname=postgres client_encoding=utf8"


def migrating(one: Ground, conninfo: str) -> Ground:
    """The same ground, whose releases migrate that database with the SQL of a folder."""
    file = one.folder / "compose.yaml"
    text = file.read_text()
    place = "    x-insight:\n      health:\n"
    assert place in text
    file.write_text(text.replace(place, f"    x-insight:\n{_MIGRATED}      health:\n"))
    (one.folder / "migrations").mkdir()
    return replace(one, means=means_with(one.means, conninfo))


def means_with(means: Means, conninfo: str) -> Means:
    return replace(
        means,
        provision=lambda unit: None,
        database=lambda unit, service: lambda: psycopg.connect(conninfo, autocommit=True),
    )


def write_migration(one: Ground, name: str, up: str, down: str) -> None:
    (one.folder / f"migrations/{name}.up.sql").write_text(up)
    (one.folder / f"migrations/{name}.down.sql").write_text(down)
