"""Catalogue, basket and checkout on real servers."""

from __future__ import annotations

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from examples.shop.tests.conftest import Running
from examples.shop.tests.servers import application, eventually, new_database
from shop.basket import Basket, Baskets, Line
from shop.database import Product
from shop.payments import BREAKING_CARD, DECLINED_CARD
from shop.visitor import GOOD_CARD


def put_in_basket(browser: httpx.Client, slug: str = "moka-pot", quantity: int = 2) -> None:
    form = {"slug": slug, "quantity": str(quantity)}
    assert browser.post("/basket/lines", data=form).status_code == 200


def payments_of(shop: Running, email: str) -> list[tuple[object, ...]]:
    """Order's and payment's status, amount and reason of everything this person tried to buy."""
    query = """SELECT o.status, p.status, p.amount_cents, p.reason
        FROM orders o JOIN payments p ON p.order_id = o.id WHERE o.email = %s ORDER BY p.id"""
    with psycopg.connect(shop.database) as connection:
        return connection.execute(query, [email]).fetchall()


def test_the_catalogue_shows_24_products(browser: httpx.Client) -> None:
    page = browser.get("/")
    assert page.status_code == 200
    assert len(set(re.findall(r'href="/products/([a-z-]+)"', page.text))) == 24
    assert len(browser.get("/api/products").json()) == 24


def test_a_category_shows_its_products_only(browser: httpx.Client) -> None:
    found = {one["slug"] for one in browser.get("/api/products?category=brew").json()}
    page = browser.get("/categories/brew").text
    assert set(re.findall(r'href="/products/([a-z-]+)"', page)) == found
    assert len(found) == 6


def test_a_product_has_a_page_and_three_companions(browser: httpx.Client) -> None:
    page = browser.get("/products/market-bag")
    assert "Knotted cotton net" in page.text
    assert len(set(re.findall(r'href="/products/([a-z-]+)"', page.text))) == 3


@pytest.mark.parametrize(
    "path", ["/products/nothing", "/products/%00", "/categories/nothing", "/nowhere"]
)
def test_what_is_not_there_is_a_readable_404(browser: httpx.Client, path: str) -> None:
    page = browser.get(path)
    assert page.status_code == 404
    assert "Not found" in page.text


def test_a_category_that_is_none_holds_nothing(browser: httpx.Client) -> None:
    for category in ("nothing", "%00"):
        answer = browser.get(f"/api/products?category={category}")
        assert (answer.status_code, answer.json()) == (200, [])


def test_an_unknown_order_is_a_404_as_page_and_as_problem(browser: httpx.Client) -> None:
    assert browser.get("/orders/not-an-id").status_code == 404
    answer = browser.get("/api/orders/6f1c3f8e-0000-4000-8000-000000000000")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_basket_is_kept_by_cookie_and_adds_up(browser: httpx.Client) -> None:
    put_in_basket(browser, "moka-pot", 2)
    put_in_basket(browser, "moka-pot", 1)
    put_in_basket(browser, "napkins", 1)
    basket = browser.get("/api/basket").json()
    assert [(line["slug"], line["quantity"]) for line in basket["lines"]] == [
        ("moka-pot", 3),
        ("napkins", 1),
    ]
    assert basket["total_cents"] == 3 * 3200 + 2800
    browser.cookies.clear()
    assert browser.get("/api/basket").json()["lines"] == []


def test_zero_takes_a_product_out_and_too_many_are_cut(browser: httpx.Client) -> None:
    put_in_basket(browser, "moka-pot", 20)
    put_in_basket(browser, "moka-pot", 5)
    assert browser.get("/api/basket").json()["lines"][0]["quantity"] == 20
    browser.post("/basket/lines", data={"slug": "moka-pot", "quantity": "0", "mode": "set"})
    assert browser.get("/api/basket").json()["lines"] == []


@pytest.mark.parametrize(
    "form",
    [
        {"slug": "moka-pot", "quantity": "-1"},
        {"slug": "moka-pot", "quantity": "many"},
        {"slug": "moka-pot", "mode": "steal"},
        {},
    ],
)
def test_a_wrong_form_is_refused(browser: httpx.Client, form: dict[str, str]) -> None:
    assert browser.post("/basket/lines", data=form).status_code == 422


def test_a_checkout_stores_order_lines_and_payment(browser: httpx.Client, shop: Running) -> None:
    put_in_basket(browser, "moka-pot", 2)
    put_in_basket(browser, "napkins", 1)
    page = browser.post("/checkout", data={"email": "ada@example.org", "card": GOOD_CARD})
    assert page.status_code == 200
    assert "Thank you" in page.text
    order = browser.get(f"/api/orders/{page.url.path.rsplit('/', 1)[1]}").json()
    assert (order["status"], order["total_cents"], len(order["lines"])) == ("paid", 9200, 2)
    assert payments_of(shop, "ada@example.org") == [("paid", "paid", 9200, None)]
    assert browser.get("/api/basket").json()["lines"] == []


def test_a_declined_card_is_a_402_that_keeps_the_basket(
    browser: httpx.Client, shop: Running
) -> None:
    put_in_basket(browser)
    page = browser.post("/checkout", data={"email": "grace@example.org", "card": DECLINED_CARD})
    assert page.status_code == 402
    assert "insufficient funds" in page.text
    assert len(browser.get("/api/basket").json()["lines"]) == 1
    assert payments_of(shop, "grace@example.org") == [
        ("declined", "declined", 6400, "insufficient funds")
    ]


def order_of(page: httpx.Response) -> str:
    """What the form of a checkout names."""
    (found,) = re.findall(r'name="order" value="([0-9a-f-]{36})"', page.text)
    return str(found)


def all_at_once(browser: httpx.Client, path: str, form: dict[str, str]) -> list[httpx.Response]:
    """The same form sent eight times by one visitor, none waiting for another's answer."""

    def send(_: int) -> httpx.Response:
        cookies = dict(browser.cookies)
        url = browser.base_url.join(path)
        return httpx.post(url, data=form, cookies=cookies, follow_redirects=True)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(send, range(8)))


def test_of_tabs_that_add_at_once_each_counts(browser: httpx.Client) -> None:
    put_in_basket(browser, "napkins", 1)
    for _ in range(2):
        all_at_once(browser, "/basket/lines", {"slug": "moka-pot", "quantity": "1"})
    lines = browser.get("/api/basket").json()["lines"]
    assert {line["slug"]: line["quantity"] for line in lines} == {"napkins": 1, "moka-pot": 16}


def test_what_is_added_while_the_rest_is_bought_stays(browser: httpx.Client, shop: Running) -> None:
    put_in_basket(browser, "moka-pot", 2)
    baskets = Baskets(shop.environment["CACHE_URL"])
    session = browser.cookies["basket"]
    (product, _) = next(iter(baskets.quantities(session).items()))
    bought = Basket((Line(Product(id=product, price_cents=1), 2),))
    put_in_basket(browser, "moka-pot", 1)
    put_in_basket(browser, "napkins", 1)
    baskets.take(session, bought)
    lines = browser.get("/api/basket").json()["lines"]
    assert {line["slug"]: line["quantity"] for line in lines} == {"moka-pot": 1, "napkins": 1}


def test_a_double_click_orders_and_pays_once(browser: httpx.Client, shop: Running) -> None:
    put_in_basket(browser)
    form = {"email": "lise@example.org", "card": GOOD_CARD}
    form["order"] = order_of(browser.get("/checkout"))
    pages = all_at_once(browser, "/checkout", form)
    assert {page.url.path for page in pages} == {f"/orders/{form['order']}"}
    assert payments_of(shop, "lise@example.org") == [("paid", "paid", 6400, None)]
    again = browser.post("/checkout", data=form)
    assert "Thank you" in again.text
    assert len(payments_of(shop, "lise@example.org")) == 1


def test_a_declined_card_is_tried_once_and_another_one_is_another_order(
    browser: httpx.Client, shop: Running
) -> None:
    put_in_basket(browser)
    form = {"email": "emmy@example.org", "card": DECLINED_CARD}
    form["order"] = order_of(browser.get("/checkout"))
    declined = browser.post("/checkout", data=form)
    assert order_of(declined) != form["order"]
    again = browser.post("/checkout", data=form)
    assert (again.url.path, "Try again" in again.text) == (f"/orders/{form['order']}", True)
    form |= {"order": order_of(declined), "card": GOOD_CARD}
    assert "Thank you" in browser.post("/checkout", data=form).text
    assert [row[0] for row in payments_of(shop, "emmy@example.org")] == ["declined", "paid"]


def lines_of(shop: Running, service: str, trace_id: str) -> list[dict[str, str]]:
    text = (shop.folder / f"{service}.log").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    return [line for line in lines if line.get("trace_id") == trace_id]


def test_a_broken_gateway_is_a_502_whose_trace_joins_both_processes_and_their_logs(
    browser: httpx.Client, shop: Running
) -> None:
    put_in_basket(browser)
    trace_id = secrets.token_hex(16)
    page = browser.post(
        "/checkout",
        data={"email": "hedy@example.org", "card": BREAKING_CARD},
        headers={"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"},
    )
    assert page.status_code == 502
    assert "could not confirm" in page.text
    [reason] = [row[3] for row in payments_of(shop, "hedy@example.org")]
    assert reason == "answered 500 to a charge"
    [failed] = [li for li in lines_of(shop, "web", trace_id) if li["event"] == "payment failed"]
    assert "PaymentGatewayError: answered 500 to a charge" in failed["exception"]
    [crashed] = lines_of(shop, "payments", trace_id)
    assert "AcquirerTimeoutError: no answer" in crashed["exception"]

    def scopes() -> set[tuple[str, str]]:
        spans = [span for span in shop.sink.spans if span.trace_id == trace_id]
        return {(span.service, span.scope.rsplit(".", 1)[1]) for span in spans}

    wanted = {("web", name) for name in ("fastapi", "psycopg", "redis", "httpx")}
    wanted |= {("payments", "fastapi")}
    eventually(lambda: wanted <= scopes(), 10, f"spans of {wanted}")


def test_an_empty_basket_leads_back_to_the_basket(browser: httpx.Client) -> None:
    form = {"email": "ada@example.org", "card": GOOD_CARD}
    page = browser.post("/checkout", data=form)
    assert page.url.path == "/basket"
    assert browser.get("/checkout").url.path == "/basket"


def test_it_is_up_while_its_database_answers(browser: httpx.Client) -> None:
    assert browser.get("/up").json() == {"status": "ok"}


def test_the_catalogue_is_served_while_the_cache_is_away(
    browser: httpx.Client, shop: Running
) -> None:
    put_in_basket(browser)
    environment = {**shop.environment, "CACHE_URL": "redis://127.0.0.1:1/0"}
    with application("lonely", "shop.web:app", shop.folder, environment) as lonely:
        assert browser.get(f"{lonely}/").status_code == 200
        assert browser.get(f"{lonely}/basket").status_code == 503


def test_it_is_not_up_without_its_database(browser: httpx.Client, shop: Running) -> None:
    with new_database(shop.postgres) as database:
        environment = {**shop.environment, "DATABASE_URL": database}
        with application("bereft", "shop.web:app", shop.folder, environment) as bereft:
            name = database.rsplit("/", 1)[1]
            with psycopg.connect(shop.postgres, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
                assert browser.get(f"{bereft}/up").status_code == 503
                connection.execute(f'CREATE DATABASE "{name}"'.encode())
            assert browser.get(f"{bereft}/up").status_code == 200
            assert browser.get(f"{bereft}/").status_code == 503
