"""Accounts in a real PostgreSQL with all revisions: what it cannot hold, and who was first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import create_async_engine

from insightengine.core.errors import AccessDeniedError, ConflictError, InvalidInputError
from insightengine.core.secrets import Secret
from insightengine.protection.accounts import AccountService
from insightengine.protection.passwords import Passwords
from insightengine.protection.sessions import Sessions
from insightengine.protection.tokens import digest
from insightengine.stores.cache import RedisCache
from insightengine.stores.migrate import downgrade, upgrade
from insightengine.stores.postgres import PostgresAccounts
from insightengine.stores.records import Role, User
from tests.contracts.console_database import console_database

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = User("anna", "anna@example.org", Role.VIEWER, None, disabled=False, created_at=NOW)
PASSWORD = "four unrelated words here"
Asked = Callable[[PostgresAccounts], Awaitable[object]]


@pytest.fixture(scope="module")
def url() -> Iterator[URL]:
    with console_database() as found:
        yield found


@pytest.fixture
async def accounts(url: URL) -> AsyncIterator[PostgresAccounts]:
    upgrade(url)
    engine = create_async_engine(url)
    found = PostgresAccounts(engine)
    await found.add_user(ANNA)
    yield found
    await engine.dispose()
    downgrade(url, "base")


@pytest.fixture
def service(accounts: PostgresAccounts) -> AccountService:
    """Its cache is where nobody listens: what is tested ends before a session is opened."""
    cache = RedisCache("127.0.0.1", 1, Secret(""))
    return AccountService(accounts, cache, Sessions(cache, 60, 600), Passwords(), lambda: NOW)


@pytest.mark.parametrize(
    "ask",
    [
        lambda accounts: accounts.user_by_email("a\0b@example.org"),
        lambda accounts: accounts.users("\0", 10),
        lambda accounts: accounts.delete_token("\0", "anna"),
    ],
)
async def test_what_postgresql_cannot_hold_is_wrong_input(
    accounts: PostgresAccounts, ask: Asked
) -> None:
    with pytest.raises(InvalidInputError, match="cannot hold this"):
        await ask(accounts)


async def test_of_two_who_add_the_same_address_one_is_told(accounts: PostgresAccounts) -> None:
    with pytest.raises(ConflictError):
        await accounts.add_user(replace(ANNA, id="second"))


async def test_a_link_outlives_the_choice_of_somebody_elses_address(
    accounts: PostgresAccounts, service: AccountService
) -> None:
    await accounts.add_user(replace(ANNA, id="bela", email="bela@example.org"))
    await accounts.set_setup_token("bela", digest("link"), NOW + timedelta(hours=1))
    with pytest.raises(ConflictError, match="there is a user anna"):
        await service.set_up("link", PASSWORD, "Anna@example.org")
    assert await accounts.take_setup_token(digest("link"), NOW) is not None


async def test_a_link_that_nobody_issued_costs_no_hashing(
    service: AccountService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Passwords, "hash")
    with pytest.raises(AccessDeniedError, match="used before"):
        await service.set_up("guessed", PASSWORD, None)
