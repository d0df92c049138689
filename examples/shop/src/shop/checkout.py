"""An order, its lines and its payment. The card is charged by the payment service."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass

import httpx
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from shop.basket import Basket
from shop.database import Order, OrderLine, Payment

log = logging.getLogger("shop.checkout")


class PaymentGatewayError(Exception):
    """The payment service gave no usable answer; whether the card was charged is not known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reason` says why a card was declined; None means paid. One that `was_placed` by an earlier
    request is whatever that one came to, or will come to: its order tells."""

    order_id: uuid.UUID
    reason: str | None = None
    was_placed: bool = False

    @property
    def is_paid(self) -> bool:
        return self.reason is None and not self.was_placed


class Checkout:
    def __init__(self, sessions: sessionmaker[Session], payments: httpx.Client) -> None:
        self.sessions = sessions
        self.payments = payments

    def place(self, order_id: uuid.UUID, basket: Basket, email: str, card: str) -> Outcome:
        """Stores the order first, so that an attempt is never lost, then charges, then settles.

        Asked for twice, as by a double click, one order is placed and the card is charged once.
        Raises PaymentGatewayError after the failed attempt was stored.
        """
        if not self._store(order_id, basket, email):
            return Outcome(order_id, was_placed=True)
        try:
            reference, reason = self._charge(order_id, basket.total_cents, card)
        except PaymentGatewayError as error:
            self._settle(order_id, "failed", None, str(error))
            raise
        self._settle(order_id, "declined" if reason else "paid", reference, reason)
        return Outcome(order_id, reason)

    def _store(self, order_id: uuid.UUID, basket: Basket, email: str) -> bool:
        """Whether it is new. Of two requests at once the second waits here for the first one."""
        total = basket.total_cents
        order = insert(Order).values(id=order_id, email=email, status="pending", total_cents=total)
        with self.sessions.begin() as session:
            stored = session.scalar(order.on_conflict_do_nothing().returning(Order.id))
            if stored is None:
                return False
            session.add_all(
                OrderLine(
                    order_id=order_id,
                    product_id=line.product.id,
                    quantity=line.quantity,
                    unit_price_cents=line.product.price_cents,
                )
                for line in basket.lines
            )
        return True

    def _charge(
        self, order_id: uuid.UUID, amount_cents: int, card: str
    ) -> tuple[str | None, str | None]:
        """The reference of the payment, or the reason for which it was declined."""
        wanted = {"order_id": str(order_id), "amount_cents": amount_cents, "card": card}
        try:
            answer = self.payments.post("/charges", json=wanted)
        except httpx.HTTPError as error:
            raise PaymentGatewayError(f"no answer: {type(error).__name__}") from error
        if answer.status_code == httpx.codes.PAYMENT_REQUIRED:
            return None, str(answer.json()["reason"])
        if answer.status_code != httpx.codes.CREATED:
            raise PaymentGatewayError(f"answered {answer.status_code} to a charge")
        return str(answer.json()["reference"]), None

    def _settle(
        self, order_id: uuid.UUID, status: str, reference: str | None, reason: str | None
    ) -> None:
        with self.sessions.begin() as session:
            order = session.get_one(Order, order_id)
            order.status = status
            payment = Payment(
                order_id=order_id,
                status=status,
                amount_cents=order.total_cents,
                reference=reference,
                reason=reason,
            )
            session.add(payment)
            log.info(
                "order %s",
                status,
                extra={"order_id": str(order_id), "total_cents": order.total_cents},
            )
