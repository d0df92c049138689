"""What `port.Edge` promises of switching and proving, with the real nginx: nothing is forgotten."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import NotFoundError, UnavailableError
from insightengine.edge.models import Address, Upstream
from tests.contracts.edge_harness import (
    BLUE,
    GREEN,
    RunningEdge,
    eventually,
    free_ports,
)


def test_a_switch_counts_from_the_next_request_on(edge: RunningEdge) -> None:
    for chosen in (GREEN, BLUE, GREEN):
        edge.edge.switch("web", chosen)
        answers = [httpx.get(edge.url("web") + "/echo").json()["colour"] for _ in range(4)]
        assert answers == [chosen.colour.value] * 4


def test_a_switch_survives_the_sudden_death_of_nginx(edge: RunningEdge) -> None:
    edge.edge.switch("web", GREEN)
    edge.kill_nginx()
    edge.start_nginx()
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "green"
    assert edge.edge.selection("web") == GREEN


def test_a_switch_while_nginx_is_down_counts_when_it_starts(edge: RunningEdge) -> None:
    edge.kill_nginx()
    edge.edge.switch("web", GREEN)
    edge.start_nginx()
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "green"


def two_sites_of_one_unit(edge: RunningEdge) -> None:
    """`web` and `web-admin` belong together; both colours of both run."""
    site = edge.configuration.applications[0]
    port, blue, green = (Address("127.0.0.1", port) for port in free_ports(3))
    pool = replace(site.pool, blue=Upstream("r1", (blue,)), green=Upstream("r2", (green,)))
    admin = replace(site, name="web-admin", listen=port, pool=pool)
    edge.configuration = replace(edge.configuration, applications=(site, admin))
    edge.edge.install(edge.configuration)
    edge.start_upstream("web-admin", Colour.BLUE)
    edge.start_upstream("web-admin", Colour.GREEN)


def test_all_sites_of_a_unit_switch_together(edge: RunningEdge) -> None:
    two_sites_of_one_unit(edge)
    for chosen in (GREEN, BLUE):
        edge.edge.switch("web", chosen)
        for site in ("web", "web-admin"):
            answer = httpx.get(edge.url(site) + "/echo")
            assert answer.json()["colour"] == chosen.colour.value


def test_a_closed_unit_says_so_and_still_answers_its_health_path(edge: RunningEdge) -> None:
    site = replace(edge.configuration.applications[0], health_path="/up")
    edge.configuration = replace(edge.configuration, applications=(site,))
    edge.edge.install(edge.configuration)
    edge.edge.close("web")
    closed = httpx.get(edge.url("web") + "/echo")
    assert (closed.status_code, closed.headers["retry-after"]) == (503, "30")
    assert "maintenance" in closed.text
    assert httpx.get(edge.url("web") + "/up").status_code == 200
    assert httpx.get(edge.url("console") + "/api/health/live").status_code == 200
    edge.kill_nginx()
    edge.start_nginx()
    assert edge.edge.is_closed("web")
    assert httpx.get(edge.url("web") + "/echo").status_code == 503
    edge.edge.open("web")
    assert not edge.edge.is_closed("web")
    assert httpx.get(edge.url("web") + "/echo").status_code == 200


def test_unfinished_requests_of_a_server_are_counted(edge: RunningEdge) -> None:
    blue = edge.configuration.pools["web"].blue.addresses
    eventually(lambda: edge.edge.connections(blue) == 0)
    accept = {"Accept": "text/event-stream"}
    with httpx.stream("GET", edge.url("web") + "/events", headers=accept) as stream:
        received = stream.iter_bytes()
        next(received)
        assert edge.edge.connections(blue) == 1
        assert edge.edge.connections(edge.configuration.pools["web"].green.addresses) == 0
    eventually(lambda: edge.edge.connections(blue) == 0)


def test_what_does_not_answer_as_asked_is_not_proved(edge: RunningEdge) -> None:
    with pytest.raises(UnavailableError, match=r"last answer: HTTP 200 from release r1"):
        edge.edge.prove("web", "r2", Colour.GREEN, timeout_s=0.3)
    with pytest.raises(UnavailableError, match=r"last answer: HTTP 500"):
        edge.edge.prove("web", "r1", Colour.BLUE, path="/status/500", timeout_s=0.3)


def test_the_api_is_proved_through_the_console(edge: RunningEdge) -> None:
    assert edge.edge.prove("console", "a1", Colour.BLUE).site == "console"


def test_proofs_are_not_logged_as_visits(edge: RunningEdge) -> None:
    edge.edge.prove("web", "r1", Colour.BLUE)
    answer = httpx.get(edge.url("web") + "/echo")
    edge.logged(answer.headers["x-request-id"])
    assert len(edge.log_lines()) == 1
    assert "x-insight-generation" not in answer.headers


def test_an_edge_that_does_not_run_is_told(edge: RunningEdge) -> None:
    edge.kill_nginx()
    with pytest.raises(UnavailableError, match="the edge does not answer"):
        edge.edge.status()
    with pytest.raises(UnavailableError, match="the edge does not answer"):
        edge.edge.prove("web", "r1", Colour.BLUE, timeout_s=0.2)


@pytest.mark.parametrize("site", ["otlp", "nowhere"])
def test_a_site_without_colours_cannot_be_switched(edge: RunningEdge, site: str) -> None:
    with pytest.raises(NotFoundError, match="it has: console, web"):
        edge.edge.switch(site, GREEN)
    with pytest.raises(NotFoundError):
        edge.edge.selection(site)
