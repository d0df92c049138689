"""Sessions, limits and short answers in any server that speaks the Redis protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from insightengine.core.errors import UnavailableError
from insightengine.core.secrets import Secret

_PREFIX = "insight:"


class RedisCache:
    """`stores.port.Cache`. Connects at the first use, and again after a lost server."""

    def __init__(self, host: str, port: int, password: Secret) -> None:
        self._redis = Redis(
            host=host,
            port=port,
            password=password.reveal(),
            decode_responses=True,
            socket_timeout=2.0,
            socket_connect_timeout=1.0,
            retry=Retry(NoBackoff(), 1),
            health_check_interval=15,
        )

    async def ping(self) -> None:
        async with _answering():
            await self._redis.ping()

    async def close(self) -> None:
        await self._redis.aclose()

    async def get(self, key: str) -> str | None:
        async with _answering():
            value = await self._redis.get(_PREFIX + key)
            return None if value is None else str(value)

    async def set(self, key: str, value: str, ttl_s: int) -> None:
        async with _answering():
            await self._redis.set(_PREFIX + key, value, ex=max(1, ttl_s))

    async def delete(self, *keys: str) -> None:
        async with _answering():
            if keys:
                await self._redis.delete(*(_PREFIX + key for key in keys))

    async def increment(self, key: str, ttl_s: int) -> int:
        async with _answering():
            async with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.incr(_PREFIX + key)
                pipeline.expire(_PREFIX + key, ttl_s, nx=True)
                count, _ = await pipeline.execute()
            return int(count)

    async def remaining_s(self, key: str) -> int:
        async with _answering():
            return max(0, int(await self._redis.ttl(_PREFIX + key)))

    async def add_to_set(self, key: str, member: str, ttl_s: int) -> None:
        async with _answering(), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.sadd(_PREFIX + key, member)
            pipeline.expire(_PREFIX + key, ttl_s)
            await pipeline.execute()

    async def members(self, key: str) -> frozenset[str]:
        async with _answering():
            return frozenset(map(str, await self._redis.smembers(_PREFIX + key)))


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise UnavailableError(
            f"the cache does not answer: {error}",
            code="cache_unavailable",
            hint="insight status; insight logs valkey",
        ) from error
