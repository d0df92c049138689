"""A share of visitors for the other colour, with the real nginx: who gets it, and keeps it."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest

from insightengine.core.colours import Colour
from insightengine.edge.models import Selection
from tests.contracts.edge_harness import (
    BLUE,
    RunningEdge,
)


def test_a_share_of_visitors_gets_the_other_colour_and_keeps_it(edge: RunningEdge) -> None:
    edge.edge.switch("web", Selection(Colour.BLUE, share=30))
    answers = [httpx.get(edge.url("web") + "/echo") for _ in range(200)]
    got = Counter(answer.json()["colour"] for answer in answers)
    assert 30 <= got["green"] <= 90, got
    for answer in answers[:20]:
        cookie = {"Cookie": f"insight_number={answer.cookies['insight_number']}"}
        again = httpx.get(edge.url("web") + "/echo", headers=cookie)
        assert again.json()["colour"] == answer.json()["colour"]
        assert "set-cookie" not in again.headers
    chosen = answers[0]
    assert edge.logged(chosen.headers["x-request-id"])["colour"] == chosen.json()["colour"]


@pytest.mark.parametrize(("share", "below"), [(1, 1), (9, 9), (10, 10), (25, 25), (99, 99)])
def test_exactly_the_numbers_below_the_share_get_the_other_colour(
    edge: RunningEdge, share: int, below: int
) -> None:
    edge.edge.switch("web", Selection(Colour.BLUE, share=share))
    with httpx.Client() as client:
        got = [
            client.get(edge.url("web"), headers={"Cookie": f"insight_number={number:02}"}).json()
            for number in range(100)
        ]
    assert [one["colour"] == "green" for one in got] == [number < below for number in range(100)]


def test_a_tester_asks_for_either_colour_while_there_is_a_share(edge: RunningEdge) -> None:
    def asked(value: str) -> str:
        header = {"X-Insight-Canary": value}
        answers = {
            httpx.get(edge.url("web") + "/echo", headers=header).json()["colour"] for _ in range(9)
        }
        return " ".join(sorted(answers))

    edge.edge.switch("web", Selection(Colour.BLUE, share=50))
    assert (asked("always"), asked("never")) == ("green", "blue")
    edge.edge.switch("web", BLUE)
    assert asked("always") == "blue"


def test_no_cookie_is_set_while_everybody_gets_the_same(edge: RunningEdge) -> None:
    assert "set-cookie" not in httpx.get(edge.url("web") + "/echo").headers
