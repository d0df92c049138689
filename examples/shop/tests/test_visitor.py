"""What visitors do, without a network; and one who buys something from the real shop."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import statistics
import subprocess
import sys

import httpx
import pytest

from examples.shop.tests.conftest import Running
from examples.shop.tests.servers import eventually
from shop.traffic import Traffic
from shop.visitor import REQUESTS_PER_PAUSE, Action, Seen, think_s, visit

ORDER = "6f1c3f8e-0000-4000-8000-000000000000"
PAGE = f"""<input type="hidden" name="order" value="{ORDER}">
<link href="/static/icon.svg"><link href="/static/style.css">
<a href="/categories/brew">Coffee</a>
<a href="/products/moka-pot">Moka pot</a><a href="/products/napkins">Napkins</a>"""


def actions(seed: str, status: int = 200) -> list[Action]:
    behaviour = visit(random.Random(seed), "visitor-0")
    found = [next(behaviour)]
    try:
        while True:
            found.append(behaviour.send(Seen(status, found[-1].path, PAGE)))
    except StopIteration:
        return found


def test_the_same_seed_behaves_the_same_way() -> None:
    assert actions("a") == actions("a")


def test_visits_reach_every_kind_of_page_and_some_pay() -> None:
    visits = [actions(f"seed-{number}") for number in range(300)]
    paths = {action.path for one in visits for action in one}
    assert {"/", "/static/style.css", "/products/moka-pot", "/basket/lines"} <= paths
    assert any(path in paths for path in ("/products/garlic-press", "/products/egg-timer"))
    paying = [one for one in visits if any(a.path == "/checkout" and a.form for a in one)]
    assert 0.1 < len(paying) / len(visits) < 0.5
    forms = [a.form for one in paying for a in one if a.path == "/checkout" and a.form]
    assert {form.get("order") for form in forms} == {ORDER}


def test_the_rate_that_was_asked_for_counts_assets_and_redirects() -> None:
    done = [action for number in range(2000) for action in actions(f"seed-{number}")]
    redirected = [action for action in done if action.form is not None]
    pauses = [action for action in done if not action.is_asset]
    requests_per_pause = (len(done) + len(redirected)) / len(pauses)
    assert requests_per_pause == pytest.approx(REQUESTS_PER_PAUSE, rel=0.1)


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_visit_of_a_broken_shop_ends(status: int) -> None:
    assert len(actions("a", status)) < 30


def test_think_times_have_the_mean_that_was_asked_for() -> None:
    chance = random.Random("think")
    drawn = [think_s(chance, 1.5) for _ in range(20_000)]
    assert statistics.mean(drawn) == pytest.approx(1.5, rel=0.05)
    assert max(drawn) <= 15


async def test_a_visitor_makes_a_full_purchase(shop: Running) -> None:
    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    traffic = Traffic(shop.web, 1, 1.0, "any", pause=at_once)
    chance = random.Random("purchase")
    async with httpx.AsyncClient(base_url=shop.web, follow_redirects=True, timeout=10) as client:
        for _ in range(60):
            client.cookies.clear()
            pages = await traffic.visit_once(client, chance, "visitor-0")
            if pages[-1].path.startswith("/orders/") and pages[-1].status == 200:
                assert "Thank you" in pages[-1].body
                return
    raise AssertionError("none of sixty visitors bought anything")


async def test_visitors_wait_while_the_shop_is_away_and_end_cleanly() -> None:
    waited: list[float] = []

    async def remember(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0 if len(waited) < 40 else 3600)

    traffic = Traffic("http://127.0.0.1:1", 2, 1.0, "any", pause=remember)
    running = asyncio.create_task(traffic.run())
    while len(waited) < 40:
        await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert traffic.tally.is_away
    assert max(waited) > 1


def test_the_generator_ends_at_sigterm_and_tells_what_it_did(shop: Running) -> None:
    argv = [sys.executable, "-m", "shop.traffic", "--url", shop.web, "--rate", "40"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "visitors come" in process.stdout.readline()
        seen = len(shop.sink.spans)
        eventually(lambda: len(shop.sink.spans) > seen + 100, 20, "its requests reach the shop")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert json.loads(output.splitlines()[-1])["requests"]["2xx"] > 0
