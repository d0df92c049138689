"""An order, its lines and its payment. The card is charged by the payment service."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass

import httpx
from sqlalchemy.orm import Session, sessionmaker

from shop.basket import Basket
from shop.database import Order, OrderLine, Payment

log = logging.getLogger("shop.checkout")


class PaymentGatewayError(Exception):
    """The payment service gave no usable answer; whether the card was charged is not known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reason` says why a card was declined; None means paid."""

    order_id: uuid.UUID
    reason: str | None = None

    @property
    def is_paid(self) -> bool:
        return self.reason is None


class Checkout:
    def __init__(self, sessions: sessionmaker[Session], payments: httpx.Client) -> None:
        self.sessions = sessions
        self.payments = payments

    def place(self, basket: Basket, email: str, card: str) -> Outcome:
        """Stores the order first, so that an attempt is never lost, then charges, then settles.

        Raises PaymentGatewayError after the failed attempt was stored.
        """
        order_id = self._store(basket, email)
        try:
            reference, reason = self._charge(order_id, basket.total_cents, card)
        except PaymentGatewayError as error:
            self._settle(order_id, "failed", None, str(error))
            raise
        self._settle(order_id, "declined" if reason else "paid", reference, reason)
        return Outcome(order_id, reason)

    def _store(self, basket: Basket, email: str) -> uuid.UUID:
        order = Order(
            id=uuid.uuid4(), email=email, status="pending", total_cents=basket.total_cents
        )
        order.lines = [
            OrderLine(
                product_id=line.product.id,
                quantity=line.quantity,
                unit_price_cents=line.product.price_cents,
            )
            for line in basket.lines
        ]
        with self.sessions.begin() as session:
            session.add(order)
            return order.id

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
