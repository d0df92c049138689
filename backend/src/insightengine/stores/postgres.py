"""The console's database: accounts and tokens in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Row, delete, func, insert, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from insightengine.core.errors import ConflictError, InvalidInputError, UnavailableError
from insightengine.core.secrets import Secret
from insightengine.stores.records import ApiToken, Role, User
from insightengine.stores.tables import api_tokens, setup_tokens, users

_UNDEFINED_TABLE = "42P01"  # the schema is being made: the API may start before it
_FIRST_ADMINISTRATOR_LOCK = 7_203_114_001  # any number, the same in every API process


def console_engine(
    host: str, port: int, password: Secret, name: str = "insight-api"
) -> AsyncEngine:
    """A small pool that notices a restarted server before it hands a connection out. `name` is what
    the server calls it by."""
    return create_async_engine(
        URL.create("postgresql+psycopg", "insight", password.reveal(), host, port, "insight"),
        pool_size=4,
        max_overflow=4,
        pool_timeout=3,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={
            "connect_timeout": 3,
            "application_name": name,
            "options": "-c statement_timeout=5s -c lock_timeout=2s",
        },
    )


class PostgresAccounts:
    """`protection.port.Accounts`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ping(self) -> None:
        async with self._transaction() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self._engine.dispose()

    async def user_by_email(self, email: str) -> User | None:
        return await self._one_user(users.c.email == email)

    async def user(self, user_id: str) -> User | None:
        return await self._one_user(users.c.id == user_id)

    async def users(self, after: str | None, limit: int) -> Sequence[User]:
        query = select(users).order_by(users.c.email).limit(limit)
        if after is not None:
            query = query.where(users.c.email > after)
        async with self._transaction() as connection:
            return [_user(row) for row in await connection.execute(query)]

    async def add_user(self, user: User) -> None:
        async with self._transaction() as connection:
            await connection.execute(insert(users).values(**asdict(user)))

    async def update_user(self, user: User) -> None:
        values = {key: value for key, value in asdict(user).items() if key != "id"}
        async with self._transaction() as connection:
            await connection.execute(update(users).where(users.c.id == user.id).values(**values))

    async def ensure_first_administrator(self, user: User) -> User | None:
        administrators = select(users).where(users.c.role == Role.ADMINISTRATOR.value)
        async with self._transaction() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_FIRST_ADMINISTRATOR_LOCK)))
            found = [_user(row) for row in await connection.execute(administrators)]
            if any(one.password_hash for one in found):
                return None
            if found:
                return min(found, key=lambda one: one.created_at)
            await connection.execute(insert(users).values(**asdict(user)))
        return user

    async def set_setup_token(self, user_id: str, digest: str, expires_at: datetime) -> None:
        async with self._transaction() as connection:
            await connection.execute(delete(setup_tokens).where(setup_tokens.c.user_id == user_id))
            values = {"user_id": user_id, "digest": digest, "expires_at": expires_at}
            await connection.execute(insert(setup_tokens).values(**values))

    async def setup_token_user(self, digest: str) -> str | None:
        query = select(setup_tokens.c.user_id).where(setup_tokens.c.digest == digest)
        async with self._transaction() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def take_setup_token(self, digest: str, now: datetime) -> User | None:
        taken = (
            delete(setup_tokens)
            .where(setup_tokens.c.digest == digest, setup_tokens.c.expires_at > now)
            .returning(setup_tokens.c.user_id)
        )
        async with self._transaction() as connection:
            user_id = (await connection.execute(taken)).scalar_one_or_none()
            if user_id is None:
                return None
            found = await connection.execute(select(users).where(users.c.id == user_id))
            user = _user(found.one())
        return None if user.disabled else user

    async def add_token(self, token: ApiToken) -> None:
        async with self._transaction() as connection:
            await connection.execute(insert(api_tokens).values(**asdict(token)))

    async def token(self, token_id: str) -> ApiToken | None:
        query = select(api_tokens).where(api_tokens.c.id == token_id)
        async with self._transaction() as connection:
            row = (await connection.execute(query)).one_or_none()
        return _token(row) if row else None

    async def tokens(self, user_id: str, after: str | None, limit: int) -> Sequence[ApiToken]:
        query = select(api_tokens).where(api_tokens.c.user_id == user_id)
        query = query.order_by(api_tokens.c.id).limit(limit)
        if after is not None:
            query = query.where(api_tokens.c.id > after)
        async with self._transaction() as connection:
            return [_token(row) for row in await connection.execute(query)]

    async def delete_token(self, token_id: str, user_id: str) -> bool:
        owned = (api_tokens.c.id == token_id) & (api_tokens.c.user_id == user_id)
        async with self._transaction() as connection:
            deleted = await connection.execute(
                delete(api_tokens).where(owned).returning(api_tokens.c.id)
            )
            return deleted.one_or_none() is not None

    async def touch_token(self, token_id: str, now: datetime) -> None:
        query = update(api_tokens).where(api_tokens.c.id == token_id).values(last_used_at=now)
        async with self._transaction() as connection:
            await connection.execute(query)

    async def _one_user(self, condition: Any) -> User | None:
        async with self._transaction() as connection:
            row = (await connection.execute(select(users).where(condition))).one_or_none()
        return _user(row) if row else None

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with transaction(self._engine) as connection:
            yield connection


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Committed at its end. Raises UnavailableError when the database does not answer,
    InvalidInputError for a value that it cannot hold (a NUL in a text, a number too large), and
    ConflictError where somebody else was first."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeoutError, OSError) as error:
        raise _unavailable(error) from error
    except DataError as error:
        message = f"the console's database cannot hold this: {_first_line(error.orig)}"
        raise InvalidInputError(message, code="invalid_value") from error
    except IntegrityError as error:
        message = "somebody else has it already, or removed what it belongs to"
        raise ConflictError(message, hint="look again, then decide") from error
    except DBAPIError as error:
        if error.connection_invalidated or _sqlstate(error) == _UNDEFINED_TABLE:
            raise _unavailable(error) from error
        raise


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _first_line(error: BaseException | None) -> str:
    return str(error).splitlines()[0][:200] if str(error) else error.__class__.__name__


def _unavailable(error: BaseException) -> UnavailableError:
    return UnavailableError(
        f"the console's database does not answer: {_first_line(error)}",
        code="database_unavailable",
        hint="insight status; insight logs postgres",
    )


def _user(row: Row[Any]) -> User:
    values = dict(row._mapping)  # noqa: SLF001
    return User(**{**values, "role": Role(values["role"])})


def _token(row: Row[Any]) -> ApiToken:
    values = dict(row._mapping)  # noqa: SLF001
    return ApiToken(**{**values, "role": Role(values["role"])})
