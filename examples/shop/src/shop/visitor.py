"""How a visitor behaves, as a value: what is asked next, given what was seen. No I/O.

A visit is a generator: it yields actions and is sent what came back.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

from shop.payments import BREAKING_CARD, DECLINED_CARD

GOOD_CARD = "4242424242424242"
_PRODUCT = re.compile(r'href="(/products/[a-z0-9-]+)"')
_CATEGORY = re.compile(r'href="(/categories/[a-z0-9-]+)"')
_ASSET = re.compile(r'href="(/static/[a-z.]+)"')
_ORDER = re.compile(r'name="order" value="([0-9a-f-]{36})"')
REQUESTS_PER_PAUSE = 1.4  # assets and redirects follow without one
_SPREAD = 0.8  # of think times: some answer at once, some fetch a coffee


@dataclass(frozen=True, slots=True)
class Action:
    """A request. With `form` it is a POST; an `is_asset` follows at once, without thinking."""

    path: str
    form: Mapping[str, str] | None = None
    is_asset: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A page as it came back, after redirects. `path` is where it ended up."""

    status: int
    path: str
    body: str = field(repr=False)


Visit = Generator[Action, Seen, None]


def visit(chance: random.Random, visitor: str) -> Visit:
    """Lands, looks around, and perhaps fills a basket and pays."""
    page = yield Action("/")
    for asset in dict.fromkeys(_ASSET.findall(page.body)):
        yield Action(asset, is_asset=True)
    if chance.random() < 0.04:
        yield Action(f"/products/{chance.choice(['garlic-press', 'fondue-set', 'egg-timer'])}")
        page = yield Action("/")
    product = yield from _browse(chance, page)
    if product is None or chance.random() > 0.5:
        return
    yield from _fill_basket(chance, product)
    if chance.random() < 0.65:
        yield from _check_out(chance, visitor)


def _browse(chance: random.Random, page: Seen) -> Generator[Action, Seen, str | None]:
    """One to six pages; the slug of the last product, if one was looked at."""
    product = None
    for _ in range(chance.randint(1, 6)):
        pattern = _CATEGORY if chance.random() < 0.3 else _PRODUCT
        links = sorted(set(pattern.findall(page.body)))
        if not links:
            return None
        page = yield Action(chance.choice(links))
        if page.status == 200 and page.path.startswith("/products/"):
            product = page.path.rsplit("/", 1)[1]
    return product


def _fill_basket(chance: random.Random, slug: str) -> Visit:
    quantity = chance.choices([1, 2, 4], weights=[8, 3, 1])[0]
    yield Action("/basket/lines", {"slug": slug, "quantity": str(quantity)})
    if chance.random() < 0.15:
        change = {"slug": slug, "quantity": str(quantity + 1), "mode": "set"}
        yield Action("/basket/lines", change)


def _check_out(chance: random.Random, visitor: str) -> Visit:
    page = yield Action("/checkout")
    if page.status != 200:
        return
    card = chance.choices([GOOD_CARD, DECLINED_CARD, BREAKING_CARD], weights=[94, 4, 2])[0]
    page = yield Action("/checkout", _payment(page, visitor, card))
    if page.status == 402 and chance.random() < 0.7:
        yield Action("/checkout", _payment(page, visitor, GOOD_CARD))


def _payment(page: Seen, visitor: str, card: str) -> Mapping[str, str]:
    """The form of a checkout as it is sent, with the order that the page names."""
    form = {"email": f"{visitor}@example.org", "card": card}
    order = _ORDER.search(page.body)
    return {**form, "order": order[1]} if order else form


def think_s(chance: random.Random, mean_s: float) -> float:
    """A lognormal pause with this mean, cut at ten times of it."""
    drawn = chance.lognormvariate(math.log(mean_s) - _SPREAD**2 / 2, _SPREAD)
    return min(drawn, 10 * mean_s)
