"""One database and one table come out of a restored server, into one that goes on serving."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from insightengine.core.errors import InsightError
from insightengine.recovery import partial
from insightengine.recovery.house import House
from insightengine.recovery.journal import OperationKind
from tests.contracts.postgres_server import (
    PROGRAMS,
    Server,
    private_folder,
    server,
    unprivileged,
)
from tests.unit.recovery.houses import house

PLAN = SimpleNamespace(backup=SimpleNamespace(id="b"), target=SimpleNamespace(text="latest"))
STATEMENTS = (
    "CREATE ROLE app_shop",
    "CREATE ROLE insight_backup",
    "CREATE DATABASE shop OWNER app_shop",
)
TABLES = (
    "CREATE TABLE kinds (id int PRIMARY KEY)",
    "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind int "
    "REFERENCES kinds, name text NOT NULL, loud text GENERATED ALWAYS AS (upper(name)) STORED)",
    "ALTER TABLE items OWNER TO app_shop",
    "INSERT INTO kinds SELECT generate_series(1, 3)",
    "INSERT INTO items (kind, name) SELECT 1 + n % 3, 'item ' || n FROM generate_series(1, 50) n",
)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[House, Server]]:
    """A server that is both: what was restored, and what goes on serving."""
    with unprivileged(), private_folder() as folder, server(folder) as running:
        for statement in STATEMENTS:
            running.run(statement)
        for statement in TABLES:
            running.run(statement, "shop")
        (folder / "secrets").mkdir()
        (folder / "secrets/postgres_admin_password").write_text("trusted", encoding="utf-8")
        made = replace(house(folder, 0), programs=PROGRAMS, address=running.address)

        @contextmanager
        def restored(*_: Any) -> Iterator[tuple[Any, Server]]:
            yield PLAN, running

        monkeypatch.setattr(partial, "_restored", restored)
        yield made, running


def asked(of: House, request: dict[str, Any]) -> dict[str, Any]:
    operation = of.journal.ask(OperationKind.RESTORE, request, "test", of.now())
    return partial.restore_part(of, operation.id, request)


def values(running: Server, statement: str, database: str = "shop") -> list[Any]:
    with running.connect(database) as connection:
        return [row[0] for row in connection.query(statement)]


def test_a_table_comes_beside_with_its_rows_and_owner_and_without_ties(
    live: tuple[House, Server],
) -> None:
    of, running = live
    beside = asked(of, {"database": "shop", "table": "public.items"})["as"].partition(".")[2]
    running.run("DELETE FROM items", "shop")
    assert values(running, f"SELECT count(*) FROM {beside}") == [50]
    assert values(running, f"SELECT loud FROM {beside} WHERE name = 'item 7'") == ["ITEM 7"]
    owner = f"SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = '{beside}'::regclass"
    assert values(running, owner) == ["app_shop"]
    ties = f"SELECT contype FROM pg_constraint WHERE conrelid = '{beside}'::regclass"
    assert "f" not in values(running, ties)


def test_a_database_takes_the_place_of_the_present_one_which_is_kept(
    live: tuple[House, Server],
) -> None:
    of, running = live
    with running.connect("shop") as session:
        session.query("SELECT 1")
        done = asked(of, {"database": "shop", "swap": True})
        with pytest.raises(InsightError):
            session.query("SELECT 1")  # it was ended, so that nobody writes into the old one
    running.run("DELETE FROM items", "shop")
    assert values(running, "SELECT count(*) FROM items", done["kept"]) == [50]
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'"
    assert values(running, owner) == ["app_shop"]


def test_a_dump_holds_only_what_was_asked_for(live: tuple[House, Server]) -> None:
    of, _ = live
    request = {"database": "shop", "table": "public.kinds", "sql": True}
    operation = of.journal.ask(OperationKind.EXPORT, request, "test", of.now())
    text = Path(partial.export_part(of, operation.id, request)["file"]).read_text(encoding="utf-8")
    assert "CREATE TABLE public.kinds" in text
    assert "items" not in text
