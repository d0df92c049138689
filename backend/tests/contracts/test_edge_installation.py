"""Configurations that the real nginx takes over, refuses, or was killed over."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError, UnavailableError
from insightengine.edge.models import Address, Upstream
from insightengine.edge.render import render, render_selections
from tests.contracts.edge_harness import (
    BLUE,
    GREEN,
    RunningEdge,
    eventually,
    free_ports,
    running_edge,
    with_blue_release,
    with_limit,
)


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
        holder = edge.upstreams["web", Colour.BLUE].pid
        assert re.search(rf"port {taken.port} is held by \S+ \(pid {holder}\)", str(caught.value))
        assert edge.configuration.paths.configuration.read_text() == text
        assert edge.edge.status().generation == before
        assert httpx.get(edge.url("web") + "/echo").json()["colour"] == "blue"


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


def test_an_edge_is_installed_before_its_folder_exists(tmp_path: Path) -> None:
    with running_edge() as edge:
        paths = replace(edge.configuration.paths, folder=tmp_path / "a" / "edge")
        configuration = replace(
            edge.configuration, paths=replace(paths, access_log=tmp_path / "edge.access.log")
        )
        installed = type(edge.edge)(configuration.paths).install(configuration)
        assert installed in configuration.paths.configuration.read_text()
