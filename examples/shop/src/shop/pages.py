"""The shop as pages for people."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated, Any

import redis
from fastapi import APIRouter, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.templating import Jinja2Templates

from shop.basket import MOST_OF_ONE
from shop.requests import COOKIE, CurrentShop, SessionId
from shop.shop import CATEGORIES, EmptyBasketError, Shop

router = APIRouter(default_response_class=Response)
templates = Jinja2Templates(Path(__file__).parent / "templates")
templates.env.filters["money"] = lambda cents: f"€ {cents // 100}.{cents % 100:02d}"
templates.env.globals["categories"] = CATEGORIES
EMAIL = r"^[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}$"
CARD = r"^[0-9]{12,19}$"


def page(request: Request, name: str, *, status: int = 200, **values: Any) -> Response:
    context = {"basket_count": _basket_count(request), **values}
    return templates.TemplateResponse(request, f"{name}.html", context, status_code=status)


def _basket_count(request: Request) -> int | None:
    """None while the cache is away: the rest of the page is worth showing all the same."""
    if COOKIE not in request.cookies:
        return 0
    shop: Shop = request.app.state.shop
    try:
        return sum(shop.baskets.quantities(request.state.session_id).values())
    except redis.RedisError:
        return None


@router.get("/")
def show_catalogue(request: Request, shop: CurrentShop) -> Response:
    return page(request, "catalogue", products=shop.catalogue(), category=None)


@router.get("/categories/{slug}")
def show_category(request: Request, shop: CurrentShop, slug: str) -> Response:
    if slug not in CATEGORIES:
        raise HTTPException(404, "There is no such category.")
    return page(request, "catalogue", products=shop.catalogue(slug), category=slug)


@router.get("/products/{slug}")
def show_product(request: Request, shop: CurrentShop, slug: str) -> Response:
    product = shop.product(slug)
    if product is None:
        raise HTTPException(404, "We do not sell that, or not any more.")
    return page(request, "product", product=product, related=shop.related(product))


@router.get("/basket")
def show_basket(request: Request, shop: CurrentShop, session_id: SessionId) -> Response:
    return page(request, "basket", basket=shop.basket(session_id), most=MOST_OF_ONE)


@router.post("/basket/lines")
def change_basket(
    shop: CurrentShop,
    session_id: SessionId,
    slug: Annotated[str, Form(max_length=100)],
    quantity: Annotated[int, Form(ge=0, le=MOST_OF_ONE)] = 1,
    mode: Annotated[str, Form(pattern="^(add|set)$")] = "add",
) -> Response:
    product = shop.product(slug)
    if product is None:
        raise HTTPException(404, "We do not sell that, or not any more.")
    change = shop.baskets.add if mode == "add" else shop.baskets.put
    change(session_id, product.id, quantity)
    return RedirectResponse("/basket", status_code=303)


@router.get("/checkout")
def show_checkout(request: Request, shop: CurrentShop, session_id: SessionId) -> Response:
    basket = shop.basket(session_id)
    if not basket.lines:
        return RedirectResponse("/basket", status_code=303)
    return page(request, "checkout", basket=basket, order_id=uuid.uuid4(), declined=None)


@router.post("/checkout")
def pay(
    request: Request,
    shop: CurrentShop,
    session_id: SessionId,
    email: Annotated[str, Form(pattern=EMAIL)],
    card: Annotated[str, Form(pattern=CARD)],
    order: Annotated[uuid.UUID | None, Form()] = None,  # pages of an older release have none
) -> Response:
    try:
        outcome = shop.buy(session_id, order or uuid.uuid4(), email, card)
    except EmptyBasketError:
        return RedirectResponse("/basket", status_code=303)
    if outcome.is_paid or outcome.was_placed:
        return RedirectResponse(f"/orders/{outcome.order_id}", status_code=303)
    shown = {"basket": shop.basket(session_id), "order_id": uuid.uuid4()}
    return page(request, "checkout", status=402, declined=outcome.reason, **shown)


@router.get("/orders/{order_id}")
def show_order(request: Request, shop: CurrentShop, order_id: uuid.UUID) -> Response:
    order = shop.order(order_id)
    if order is None:
        raise HTTPException(404, "There is no such order.")
    return page(request, "order", order=order)
