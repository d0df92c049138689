"""The shop's verbs, behind pages and JSON alike."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import httpx
from sqlalchemy import select, text
from sqlalchemy.orm import Session, selectinload, sessionmaker

from shop.basket import Basket, Baskets, priced
from shop.checkout import Checkout, Outcome
from shop.database import Order, OrderLine, Product, engine_for
from shop.settings import Settings

CATEGORIES = {"brew": "Coffee & tea", "table": "On the table", "store": "Keeping", "cloth": "Linen"}


class EmptyBasketError(Exception):
    """There is nothing to pay for."""


class Shop:
    """Holds the connections; one per process."""

    def __init__(self, settings: Settings) -> None:
        self.engine = engine_for(settings.database_url)
        self.sessions = sessionmaker(self.engine, class_=Session, expire_on_commit=False)
        self.baskets = Baskets(settings.cache_url)
        self.payments = httpx.Client(
            base_url=settings.payments_url, timeout=settings.payments_timeout_s
        )
        self.checkout = Checkout(self.sessions, self.payments)

    def close(self) -> None:
        self.payments.close()
        self.baskets.close()
        self.engine.dispose()

    def check(self) -> None:
        """Raises when the database does not answer: without it there is no shop."""
        with self.sessions() as session:
            session.execute(text("SELECT 1"))

    def catalogue(self, category: str | None = None) -> Sequence[Product]:
        if category is not None and category not in CATEGORIES:
            return ()
        query = select(Product).order_by(Product.id)
        if category is not None:
            query = query.where(Product.category == category)
        with self.sessions() as session:
            return session.scalars(query).all()

    def product(self, slug: str) -> Product | None:
        if "\0" in slug:  # no text of PostgreSQL holds one, so that no product is called so
            return None
        with self.sessions() as session:
            return session.scalar(select(Product).where(Product.slug == slug))

    def related(self, product: Product) -> Sequence[Product]:
        """Three others of the same category, beginning with the next one."""
        others = [one for one in self.catalogue(product.category) if one.id != product.id]
        later = [one for one in others if one.id > product.id]
        return (later + others)[: min(3, len(others))]

    def basket(self, session_id: str) -> Basket:
        quantities = self.baskets.quantities(session_id)
        if not quantities:
            return Basket(())
        with self.sessions() as session:
            found = session.scalars(select(Product).where(Product.id.in_(quantities))).all()
        return priced(quantities, found)

    def buy(self, session_id: str, order_id: uuid.UUID, email: str, card: str) -> Outcome:
        """Pays for the basket and takes out what was bought. `order_id` belongs to the form: sent
        twice, it buys once. Raises EmptyBasketError, PaymentGatewayError."""
        basket = self.basket(session_id)
        if not basket.lines:
            if self.order(order_id) is not None:
                return Outcome(order_id, was_placed=True)
            raise EmptyBasketError
        outcome = self.checkout.place(order_id, basket, email, card)
        if outcome.is_paid:
            self.baskets.take(session_id, basket)
        return outcome

    def order(self, order_id: uuid.UUID) -> Order | None:
        lines = selectinload(Order.lines).joinedload(OrderLine.product)
        query = select(Order).where(Order.id == order_id).options(lines)
        with self.sessions() as session:
            return session.scalar(query)
