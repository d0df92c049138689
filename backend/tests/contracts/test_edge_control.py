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
            await asyncio.to_thread(edge.edge.install, with_limit(edge, number))

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
    changed = with_limit(edge, 9)
    edge.configuration.paths.configuration.write_text(render(changed))
    generation = edge.edge.install(changed)
    assert edge.edge.status().generation == generation
    assert edge.edge.prove("web", "r1", Colour.BLUE).answers == 5


def test_another_release_in_a_colour_needs_no_reload(edge: RunningEdge) -> None:
    before = edge.edge.status()
    edge.edge.install(with_blue_release(edge, "r9"))
    assert edge.edge.status().generation == before.generation
    assert edge.edge.prove("web", "r9", Colour.BLUE).answers == 5
    edge.kill_nginx()
    edge.start_nginx()
    assert edge.edge.prove("web", "r9", Colour.BLUE).answers == 5


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
        unit="web-admin",
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
    url = f"http://{edge.configuration.admin}/selection?unit=web&value=green"
    assert httpx.post(url).status_code == 403
    assert httpx.post(url, headers={"x-insight-admin": "0" * 64}).status_code == 403
    assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "blue"


def test_the_token_is_readable_only_for_its_owner(edge: RunningEdge) -> None:
    paths = edge.configuration.paths
    for path in (paths.admin_token, paths.configuration, paths.selections):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_uid == paths.folder.stat().st_uid


@pytest.mark.parametrize("query", ["unit=web&value=red", "unit=web", "unit=x&value=blue", ""])
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


def with_limit(edge: RunningEdge, number: int) -> EdgeConfiguration:
    """A change that nginx has to load anew."""
    limits = replace(edge.configuration.limits, api_burst=100 + number)
    return replace(edge.configuration, limits=limits)


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
