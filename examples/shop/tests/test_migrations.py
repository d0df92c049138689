"""The migrations go up, down and up again on a real PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg
from sqlalchemy import inspect

from examples.shop.tests.servers import alembic
from shop.database import Base, engine_for


def tables(database: str) -> set[str]:
    engine = engine_for(database)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_up_down_and_up_again(database: str) -> None:
    alembic(database, "upgrade", "head")
    assert set(Base.metadata.tables) <= tables(database)
    alembic(database, "downgrade", "base")
    assert tables(database) == {"alembic_version"}
    alembic(database, "upgrade", "head")
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (24,)


def test_the_tables_are_those_of_the_models(database: str) -> None:
    alembic(database, "upgrade", "head")
    alembic(database, "check")


def test_two_that_start_together_both_succeed(database: str) -> None:
    with ThreadPoolExecutor(2) as both:
        list(both.map(lambda _: alembic(database, "upgrade", "head"), range(2)))
    assert "orders" in tables(database)
