"""What `port.Edge` promises, with the real nginx: no request is lost, nothing is forgotten."""

from __future__ import annotations

import asyncio
import stat
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError, NotFoundError, UnavailableError
from insightengine.edge.models import Address, EdgeConfiguration, Selection, Upstream
from insightengine.edge.render import render, render_selections
from tests.contracts.edge_harness import RunningEdge, eventually, free_ports, running_edge

BLUE, GREEN = Selection(Colour.BLUE), Selection(Colour.GREEN)


@pytest.fixture
def edge() -> Iterator[RunningEdge]:
    with running_edge() as running:
        running.start_upstream("web", Colour.GREEN)
        yield running


@dataclass
class Load:
    """Keep-alive GETs and POSTs with bodies; each answer and each failure is counted."""

    url: str
    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    is_ended: bool = False

    async def during(self, work: Callable[[], Awaitable[None]], methods: str = "GET POST") -> None:
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=8)) as client:
            chosen = methods.split()
            senders = [
                asyncio.create_task(self._send(client, chosen[n % len(chosen)])) for n in range(6)
            ]
            try:
                await work()
            finally:
                self.is_ended = True
                await asyncio.gather(*senders)

    async def _send(self, client: httpx.AsyncClient, method: str) -> None:
        body = b"x" * 20_000 if method == "POST" else None
        while not self.is_ended:
            try:
                answer = await client.request(method, self.url + "/echo", content=body)
            except httpx.TransportError as error:
                self.failures.append(f"{method} {error!r}")
                continue
            if answer.status_code != 200:
                self.failures.append(f"{method} {answer.status_code}")
            else:
                self.answers[answer.json()["colour"]] += 1

    async def reaches(self, count: int) -> None:
        """Until that many more requests were answered."""
        wanted = self.answers.total() + count
        async with asyncio.timeout(20):
            while self.answers.total() < wanted:
                await asyncio.sleep(0.01)


async def test_switching_colours_under_load_loses_no_request(edge: RunningEdge) -> None:
    load = Load(edge.url("web"))

    async def switch_to_and_fro() -> None:
        for number in range(8):
            await load.reaches(60)
            chosen = GREEN if number % 2 == 0 else BLUE
            await asyncio.to_thread(edge.edge.switch, "web", chosen)
            release = "r2" if chosen is GREEN else "r1"
            await asyncio.to_thread(edge.edge.prove, "web", release, chosen.colour)

    await load.during(switch_to_and_fro)
    assert load.failures == []
    assert set(load.answers) == {"blue", "green"}


async def test_reloading_under_load_loses_no_request(edge: RunningEdge) -> None:
    load = Load(edge.url("web"))

    async def reload_often() -> None:
        for number in range(5):
            await load.reaches(60)
            await asyncio.to_thread(edge.edge.install, with_blue_release(edge, f"r1-{number}"))

    await load.during(reload_often)
    assert load.failures == []


async def test_a_warm_colour_steps_in_for_requests_that_may_be_repeated(
    edge: RunningEdge,
) -> None:
    edge.edge.switch("web", Selection(Colour.BLUE, warm=True))
    load = Load(edge.url("web"))

    async def crash() -> None:
        await load.reaches(100)
        edge.kill_upstream("web", Colour.BLUE)
        await load.reaches(200)

    await load.during(crash, methods="GET")
    assert load.failures == []
    answer = await asyncio.to_thread(httpx.get, edge.url("web") + "/echo")
    assert answer.headers["x-insight-colour"] == "green"
    assert answer.headers["x-insight-release"] == "r2"
    assert edge.logged(answer.headers["x-request-id"])["colour"] == "green"


def test_a_colour_that_is_not_warm_never_steps_in(edge: RunningEdge) -> None:
    edge.kill_upstream("web", Colour.BLUE)
    assert [httpx.get(edge.url("web") + "/").status_code for _ in range(5)] == [503] * 5


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


def test_installing_keeps_the_persisted_selection(edge: RunningEdge) -> None:
    edge.edge.switch("web", GREEN)
    edge.edge.install(with_blue_release(edge, "r3"))
    assert edge.edge.selection("web") == GREEN
    assert edge.edge.prove("web", "r2", Colour.GREEN).answers == 5


def test_installing_the_same_twice_changes_nothing(edge: RunningEdge) -> None:
    before = edge.edge.status()
    assert edge.edge.install(edge.configuration) == before.generation
    assert edge.edge.status().generation == before.generation


def test_an_installation_killed_before_the_reload_is_completed_by_the_next(
    edge: RunningEdge,
) -> None:
    changed = with_blue_release(edge, "r9")
    edge.configuration.paths.configuration.write_text(render(changed))
    generation = edge.edge.install(changed)
    assert edge.edge.status().generation == generation
    assert edge.edge.prove("web", "r9", Colour.BLUE).answers == 5


def test_a_switch_killed_before_nginx_was_told_is_completed_by_the_next_installation(
    edge: RunningEdge,
) -> None:
    chosen = {"console": BLUE, "web": GREEN}
    edge.configuration.paths.selections.write_text(render_selections(chosen))
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "blue"
    edge.edge.install(edge.configuration)
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "green"


def test_a_new_site_is_served_after_its_installation(edge: RunningEdge) -> None:
    site = edge.configuration.applications[0]
    port, blue, green = (Address("127.0.0.1", port) for port in free_ports(3))
    admin = replace(
        site,
        name="web-admin",
        listen=port,
        pool=replace(
            site.pool, blue=Upstream("r1", (blue,)), green=Upstream("r2", (green,)), initial=GREEN
        ),
    )
    edge.configuration = replace(edge.configuration, applications=(site, admin))
    edge.edge.install(edge.configuration)
    edge.start_upstream("web-admin", Colour.GREEN)
    answer = httpx.get(edge.url("web-admin") + "/echo")
    assert answer.json()["colour"] == "green"
    line = edge.logged(answer.headers["x-request-id"])
    assert (line["site"], line["service"]) == ("web-admin", "web")


def test_a_refused_configuration_leaves_the_last_good_one_serving(edge: RunningEdge) -> None:
    before = edge.edge.status().generation
    text = edge.configuration.paths.configuration.read_text()
    unknown = Upstream("r1", (Address("there-is-no-such-host.invalid", 80),))
    site = edge.configuration.applications[0]
    broken = replace(site, pool=replace(site.pool, blue=unknown))
    with pytest.raises(InvalidInputError) as caught:
        edge.edge.install(replace(edge.configuration, applications=(broken,)))
    assert caught.value.code == "edge_configuration_refused"
    assert "host not found in upstream" in caught.value.message
    assert "nginx.candidate.conf:" in caught.value.message
    assert edge.edge.status().generation == before
    assert edge.configuration.paths.configuration.read_text() == text
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "blue"


def test_a_port_that_another_process_holds_leaves_the_last_good_one_serving() -> None:
    with running_edge() as edge:
        edge.edge._reload_timeout_s = 1.0
        before = edge.edge.status().generation
        text = edge.configuration.paths.configuration.read_text()
        site = edge.configuration.applications[0]
        taken = edge.configuration.pools["web"].blue.addresses[0]
        idle = Upstream("r1", (Address("127.0.0.1", 1),))
        moved = replace(site, listen=taken, pool=replace(site.pool, blue=idle))
        with pytest.raises(UnavailableError) as caught:
            edge.edge.install(replace(edge.configuration, applications=(moved,)))
        assert caught.value.code == "reload_failed"
        assert edge.configuration.paths.configuration.read_text() == text
        assert edge.edge.status().generation == before
        assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "blue"


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


def test_nobody_switches_without_the_token(edge: RunningEdge) -> None:
    url = f"http://{edge.configuration.admin}/selection?site=web&value=green"
    assert httpx.post(url).status_code == 403
    assert httpx.post(url, headers={"x-insight-admin": "0" * 64}).status_code == 403
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "blue"


def test_the_token_is_readable_only_for_its_owner(edge: RunningEdge) -> None:
    paths = edge.configuration.paths
    for path in (paths.admin_token, paths.configuration, paths.selections):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == paths.folder.stat().st_uid


@pytest.mark.parametrize("query", ["site=web&value=red", "site=web", "site=x&value=blue", ""])
def test_even_with_the_token_only_known_selections_are_taken(edge: RunningEdge, query: str) -> None:
    token = edge.edge._token()
    url = f"http://{edge.configuration.admin}/selection?{query}"
    answer = httpx.post(url, headers={"x-insight-admin": token})
    assert answer.status_code in (400, 404)
    assert edge.edge.prove("web", "r1", Colour.BLUE).answers == 5


def test_nginx_keeps_its_files_in_its_folder_and_says_nothing_alarming(
    edge: RunningEdge,
) -> None:
    httpx.post(edge.url("web") + "/echo", content=b"x" * 60_000)
    assert edge.configuration.paths.pid.exists()
    assert not {"[alert]", "[crit]", "[emerg]"} & set(edge.stderr().split())
    assert {path.name for path in edge.configuration.paths.folder.parent.iterdir()} == {
        "edge",
        "logs",
        "out",
    }
    assert eventually(lambda: edge.log_lines())


def with_blue_release(edge: RunningEdge, release: str) -> EdgeConfiguration:
    site = edge.configuration.applications[0]
    blue = replace(site.pool.blue, release=release)
    changed = replace(site, pool=replace(site.pool, blue=blue))
    return replace(edge.configuration, applications=(changed,))


def test_an_edge_is_installed_before_its_folder_exists(tmp_path: Path) -> None:
    with running_edge() as edge:
        paths = replace(edge.configuration.paths, folder=tmp_path / "a" / "edge")
        configuration = replace(
            edge.configuration, paths=replace(paths, access_log=tmp_path / "edge.access.log")
        )
        installed = type(edge.edge)(configuration.paths).install(configuration)
        assert installed in configuration.paths.configuration.read_text()
