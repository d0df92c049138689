"""The shop as JSON, for programs."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from shop.basket import MOST_OF_ONE, Basket
from shop.database import Product
from shop.requests import CurrentShop, SessionId

router = APIRouter(prefix="/api")


class ProductView(BaseModel):
    slug: str
    name: str
    category: str
    description: str
    price_cents: int


class LineView(BaseModel):
    slug: str
    name: str
    quantity: int
    total_cents: int


class BasketView(BaseModel):
    lines: list[LineView]
    total_cents: int


class LineChange(BaseModel):
    slug: str = Field(max_length=100)
    quantity: Annotated[int, Field(ge=0, le=MOST_OF_ONE)] = 1


class OrderView(BaseModel):
    id: uuid.UUID
    status: str
    lines: list[LineView]
    total_cents: int


@router.get("/products")
def list_products(shop: CurrentShop, category: str | None = None) -> list[ProductView]:
    return [_product(one) for one in shop.catalogue(category)]


@router.get("/products/{slug}")
def read_product(shop: CurrentShop, slug: str) -> ProductView:
    return _product(_found(shop.product(slug)))


@router.get("/basket")
def read_basket(shop: CurrentShop, session_id: SessionId) -> BasketView:
    return _basket(shop.basket(session_id))


@router.put("/basket")
def set_line(shop: CurrentShop, session_id: SessionId, change: LineChange) -> BasketView:
    shop.baskets.put(session_id, _found(shop.product(change.slug)).id, change.quantity)
    return _basket(shop.basket(session_id))


@router.get("/orders/{order_id}")
def read_order(shop: CurrentShop, order_id: uuid.UUID) -> OrderView:
    order = shop.order(order_id)
    if order is None:
        raise HTTPException(404, "There is no such order.")
    lines = [
        LineView(
            slug=line.product.slug,
            name=line.product.name,
            quantity=line.quantity,
            total_cents=line.quantity * line.unit_price_cents,
        )
        for line in order.lines
    ]
    return OrderView(id=order.id, status=order.status, lines=lines, total_cents=order.total_cents)


def _found(product: Product | None) -> Product:
    if product is None:
        raise HTTPException(404, "There is no such product.")
    return product


def _product(product: Product) -> ProductView:
    return ProductView.model_validate(product, from_attributes=True)


def _basket(basket: Basket) -> BasketView:
    lines = [
        LineView(
            slug=line.product.slug,
            name=line.product.name,
            quantity=line.quantity,
            total_cents=line.total_cents,
        )
        for line in basket.lines
    ]
    return BasketView(lines=lines, total_cents=basket.total_cents)
