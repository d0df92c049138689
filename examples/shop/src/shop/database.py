"""The shop's tables and how to reach them."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import DateTime, Engine, ForeignKey, Identity, Text, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {str: Text, datetime: DateTime(timezone=True)}  # noqa: RUF012


class Product(Base):
    __tablename__ = "products"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    category: Mapped[str] = mapped_column(index=True)
    description: Mapped[str]
    price_cents: Mapped[int]


class Order(Base):
    """`status` is pending, paid, declined or failed."""

    __tablename__ = "orders"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    placed_at: Mapped[datetime] = mapped_column(server_default=func.now())
    email: Mapped[str]
    status: Mapped[str]
    total_cents: Mapped[int]
    lines: Mapped[list[OrderLine]] = relationship(order_by="OrderLine.product_id")
    payments: Mapped[list[Payment]] = relationship(order_by="Payment.id")


class OrderLine(Base):
    __tablename__ = "order_lines"

    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"), primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), primary_key=True)
    quantity: Mapped[int]
    unit_price_cents: Mapped[int]
    product: Mapped[Product] = relationship()


class Payment(Base):
    """One attempt to charge: paid, declined (with the reason) or failed."""

    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    order_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    status: Mapped[str]
    amount_cents: Mapped[int]
    reference: Mapped[str | None]
    reason: Mapped[str | None]


def engine_for(url: str) -> Engine:
    """An engine on psycopg 3. A connection that the server closed is noticed and replaced."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            url = "postgresql+psycopg://" + url.removeprefix(scheme)
    return create_engine(
        url, pool_pre_ping=True, pool_size=5, max_overflow=5, connect_args={"connect_timeout": 5}
    )
