"""Saved views in a real PostgreSQL with all revisions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import create_async_engine

from insightengine.stores.migrate import downgrade, upgrade
from insightengine.stores.postgres import PostgresAccounts
from insightengine.stores.records import Role, SavedView, User
from insightengine.stores.views import PostgresViews
from tests.contracts.postgres_server import Server, private_folder, unprivileged

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = SavedView("v1", "anna", "logs", "Errors", "q=level:error", shared=False, changed_at=NOW)


@pytest.fixture(scope="module")
def url() -> Iterator[URL]:
    with unprivileged(), private_folder() as folder:
        server = Server(folder / "cluster")
        server.create()
        server.start()
        try:
            server.run("CREATE DATABASE insight ENCODING 'UTF8' TEMPLATE template0")
            address = server.address
            yield URL.create(
                "postgresql+psycopg",
                address.user,
                host=address.host,
                port=address.port,
                database="insight",
            )
        finally:
            server.stop()


@pytest.fixture
async def views(url: URL) -> AsyncIterator[PostgresViews]:
    upgrade(url)
    engine = create_async_engine(url)
    accounts = PostgresAccounts(engine)
    for name in ("anna", "bela"):
        user = User(name, f"{name}@example.org", Role.VIEWER, None, disabled=False, created_at=NOW)
        await accounts.add_user(user)
    yield PostgresViews(engine)
    await engine.dispose()
    downgrade(url, "base")


async def test_a_view_is_its_owners_until_it_is_shared(views: PostgresViews) -> None:
    await views.save_view(VIEW)
    assert await views.views("anna", None) == [VIEW]
    assert await views.views("bela", None) == []
    shared = replace(VIEW, shared=True)
    assert await views.save_view(shared) == shared
    assert await views.views("bela", "logs") == [shared]
    assert await views.views("bela", "traces") == []


async def test_a_view_of_the_same_name_is_replaced_and_keeps_its_id(views: PostgresViews) -> None:
    await views.save_view(VIEW)
    again = await views.save_view(replace(VIEW, id="v2", state="q=level:fatal"))
    assert (again.id, again.state) == ("v1", "q=level:fatal")
    await views.save_view(replace(VIEW, id="v3", owner_id="bela"))
    assert len(await views.views("anna", None)) == 1


async def test_only_its_owner_deletes_a_view(views: PostgresViews) -> None:
    await views.save_view(replace(VIEW, shared=True))
    assert not await views.delete_view("v1", "bela")
    assert await views.delete_view("v1", "anna")
    assert not await views.delete_view("v1", "anna")
