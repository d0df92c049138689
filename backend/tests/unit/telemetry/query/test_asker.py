from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from insightengine.core.errors import UnavailableError
from insightengine.core.time import TimeRange
from insightengine.telemetry.port import Table
from insightengine.telemetry.query.asker import Asker
from insightengine.telemetry.query.statement import Statement

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OVER = TimeRange(NOW - timedelta(hours=2), NOW - timedelta(hours=1))
LIVE = TimeRange(NOW - timedelta(hours=1), NOW)
QUESTION = Statement("SELECT {a:String}", {"a": "x"})


class CountingStore:
    def __init__(self) -> None:
        self.asked = 0

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> list[dict[str, object]]:
        self.asked += 1
        return [{"n": 2**63, "maps": {"k": "v"}, "lists": (1, 2), "nothing": None}]

    async def table(self, sql: str, *, timeout_s: float, most_rows: int) -> Table:
        raise AssertionError("not asked here")

    async def ping(self) -> None: ...
    async def close(self) -> None: ...


class MemoryCache:
    def __init__(self, *, is_away: bool = False) -> None:
        self.kept: dict[str, str] = {}
        self._is_away = is_away

    async def get(self, key: str) -> str | None:
        self._answer()
        return self.kept.get(key)

    async def set(self, key: str, value: str, ttl_s: int) -> None:
        self._answer()
        self.kept[key] = value

    def _answer(self) -> None:
        if self._is_away:
            raise UnavailableError("the cache does not answer")

    async def delete(self, *keys: str) -> None: ...
    async def increment(self, key: str, ttl_s: int) -> int:
        return 0

    async def remaining_s(self, key: str) -> int:
        return 0

    async def add_to_set(self, key: str, member: str, ttl_s: int) -> None: ...
    async def members(self, key: str) -> frozenset[str]:
        return frozenset()


def asker(store: CountingStore, cache: MemoryCache) -> Asker:
    return Asker(store, cache=cache, now=lambda: NOW)


async def test_an_answer_about_the_past_is_asked_for_once() -> None:
    store = CountingStore()
    asking = asker(store, MemoryCache())
    first = await asking.rows(QUESTION, OVER)
    again = await asking.rows(QUESTION, OVER)
    assert store.asked == 1
    assert again == [{**first[0], "lists": [1, 2]}]


async def test_another_question_has_an_answer_of_its_own() -> None:
    store = CountingStore()
    asking = asker(store, MemoryCache())
    await asking.rows(QUESTION, OVER)
    await asking.rows(Statement(QUESTION.sql, {"a": "y"}), OVER)
    assert store.asked == 2


async def test_what_still_changes_is_never_kept() -> None:
    store, cache = CountingStore(), MemoryCache()
    await asker(store, cache).rows(QUESTION, LIVE)
    await asker(store, cache).rows(QUESTION)
    assert store.asked == 2
    assert cache.kept == {}


async def test_without_a_cache_that_answers_the_store_is_asked() -> None:
    store = CountingStore()
    asking = asker(store, MemoryCache(is_away=True))
    await asking.rows(QUESTION, OVER)
    await asking.rows(QUESTION, OVER)
    assert store.asked == 2
