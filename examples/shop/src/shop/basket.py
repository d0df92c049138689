"""A visitor's basket: a Redis hash of product id to quantity, by the id in the session cookie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import redis

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
        found = cast("dict[str, str]", self.client.hgetall(_key(session)))
        return dict(sorted((int(product), int(quantity)) for product, quantity in found.items()))

    def add(self, session: str, product_id: int, quantity: int) -> None:
        key = _key(session)
        held = cast("str | None", self.client.hget(key, str(product_id)))
        self.put(session, product_id, int(held or 0) + quantity)

    def put(self, session: str, product_id: int, quantity: int) -> None:
        """Sets the quantity, at most `MOST_OF_ONE`; zero takes the product out."""
        key = _key(session)
        with self.client.pipeline() as pipeline:
            if quantity > 0:
                pipeline.hset(key, str(product_id), str(min(quantity, MOST_OF_ONE)))
            else:
                pipeline.hdel(key, str(product_id))
            pipeline.expire(key, KEPT_S)
            pipeline.execute()

    def empty(self, session: str) -> None:
        self.client.delete(_key(session))

    def close(self) -> None:
        self.client.close()


def _key(session: str) -> str:
    return f"basket:{session}"
