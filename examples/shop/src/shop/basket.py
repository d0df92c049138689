"""A visitor's basket: a Redis hash of product id to quantity, by the id in the session cookie."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import redis
from redis.client import Pipeline

from shop.database import Product

KEPT_S = 7 * 24 * 3600
MOST_OF_ONE = 20


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: int

    @property
    def total_cents(self) -> int:
        return self.product.price_cents * self.quantity


@dataclass(frozen=True, slots=True)
class Basket:
    lines: tuple[Line, ...]

    @property
    def total_cents(self) -> int:
        return sum(line.total_cents for line in self.lines)

    @property
    def count(self) -> int:
        return sum(line.quantity for line in self.lines)


def priced(quantities: dict[int, int], products: Iterable[Product]) -> Basket:
    """Today's products and prices; a product that is no longer sold leaves the basket."""
    by_id = {product.id: product for product in products}
    return Basket(tuple(Line(by_id[one], n) for one, n in quantities.items() if one in by_id))


class Baskets:
    """All baskets. Raises `redis.RedisError` while the cache is away."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2
        )

    def quantities(self, session: str) -> dict[int, int]:
        return _quantities(self.client.hgetall(_key(session)))

    def add(self, session: str, product_id: int, quantity: int) -> None:
        """Of several tabs that add at once, each counts."""
        self._change(session, lambda held: {product_id: held.get(product_id, 0) + quantity})

    def put(self, session: str, product_id: int, quantity: int) -> None:
        """Sets the quantity, at most `MOST_OF_ONE`; zero takes the product out."""
        with self.client.pipeline() as pipeline:
            _write(pipeline, _key(session), {product_id: quantity})
            pipeline.execute()

    def take(self, session: str, bought: Basket) -> None:
        """Takes out what was bought; what another tab has put in meanwhile stays."""
        wanted = {line.product.id: line.quantity for line in bought.lines}
        self._change(session, lambda held: {p: held.get(p, 0) - n for p, n in wanted.items()})

    def _change(
        self, session: str, change: Callable[[Mapping[int, int]], Mapping[int, int]]
    ) -> None:
        """Read and written as one: where another has changed the basket in between, nothing is
        written, and it is read again."""
        key = _key(session)

        def attempt(pipeline: Pipeline) -> None:
            quantities = change(_quantities(pipeline.hgetall(key)))
            pipeline.multi()
            _write(pipeline, key, quantities)

        self.client.transaction(attempt, key)

    def close(self) -> None:
        self.client.close()


def _key(session: str) -> str:
    return f"basket:{session}"


def _quantities(found: object) -> dict[int, int]:
    lines = cast("dict[str, str]", found)
    return dict(sorted((int(product), int(quantity)) for product, quantity in lines.items()))


def _write(pipeline: Pipeline, key: str, quantities: Mapping[int, int]) -> None:
    for product_id, quantity in quantities.items():
        if quantity > 0:
            pipeline.hset(key, str(product_id), str(min(quantity, MOST_OF_ONE)))
        else:
            pipeline.hdel(key, str(product_id))
    pipeline.expire(key, KEPT_S)
