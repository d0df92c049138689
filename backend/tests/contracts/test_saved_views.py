"""Saved views in a real PostgreSQL with all revisions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import create_async_engine

from insightengine.core.errors import LimitExceededError
from insightengine.stores.migrate import downgrade, upgrade
from insightengine.stores.postgres import PostgresAccounts
from insightengine.stores.records import Role, SavedView, User
from insightengine.stores.views import PostgresViews
from tests.contracts.console_database import console_database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VIEW = SavedView("v1", "anna", "logs", "Errors", "q=level:error", shared=False, changed_at=NOW)


@pytest.fixture(scope="module")
def url() -> Iterator[URL]:
    with console_database() as found:
        yield found


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


async def test_views_of_one_owner_are_counted_not_those_that_are_replaced(
    views: PostgresViews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insightengine.stores.views._MOST_OF_OWNER", 2)
    await views.save_view(VIEW)
    await views.save_view(replace(VIEW, id="v2", name="Slow"))
    with pytest.raises(LimitExceededError, match="you have 2 views already"):
        await views.save_view(replace(VIEW, id="v3", name="Third"))
    await views.save_view(replace(VIEW, id="v4", state="q=level:fatal"))
    await views.save_view(replace(VIEW, id="v5", owner_id="bela"))


async def test_only_its_owner_deletes_a_view(views: PostgresViews) -> None:
    await views.save_view(replace(VIEW, shared=True))
    assert not await views.delete_view("v1", "bela")
    assert await views.delete_view("v1", "anna")
    assert not await views.delete_view("v1", "anna")
