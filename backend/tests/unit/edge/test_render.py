from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.edge.installed import InstalledSite, installed_from
from insightengine.edge.models import (
    SELECTIONS,
    Address,
    ApplicationSite,
    EdgePaths,
    Pool,
    Upstream,
)
from insightengine.edge.render import (
    edge_argv,
    edge_test_argv,
    parse_selections,
    render,
    render_selections,
)
from tests.unit.edge.configurations import example, local, pool

GOLDEN = Path(__file__).with_name("golden_nginx.conf")


def test_the_example_is_rendered_as_the_golden_file_shows() -> None:
    """INSIGHT_GOLDEN=write writes it anew; read the difference before committing it."""
    text = render(example())
    if os.environ.get("INSIGHT_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_same_configuration_has_the_same_generation() -> None:
    assert render(example()) == render(example())


def test_another_release_is_another_generation() -> None:
    web = replace(example().applications[0], pool=pool(4340, 4399))
    changed = replace(example(), applications=(web,))
    assert (
        installed_from(render(changed)).generation != installed_from(render(example())).generation
    )


def test_what_is_needed_to_reach_the_edge_is_read_back() -> None:
    everywhere = replace(example().applications[0], listen=Address("0.0.0.0", 8080))
    installed = installed_from(render(replace(example(), applications=(everywhere,))))
    assert installed.admin == local(4320)
    assert installed.host == "localhost"
    assert installed.sites == {
        "console": InstalledSite(local(4300), "/api/health/live"),
        "web": InstalledSite(local(8080), "/"),
    }


def test_a_foreign_configuration_is_not_taken_for_ours() -> None:
    with pytest.raises(ConflictError):
        installed_from("events {}\n")


def test_selections_are_read_back() -> None:
    chosen = dict(zip(["a", "b-c", "d.e", "f"], SELECTIONS, strict=True))
    assert parse_selections(render_selections(chosen)) == chosen


def test_only_a_warm_selection_lets_the_other_colour_step_in() -> None:
    text = render(example())
    groups = {
        block.split(" {")[0]: block.split("}")[0] for block in text.split("    upstream ")[1:]
    }
    assert "4341" not in groups["web_blue"]
    assert "server 127.0.0.1:4341 max_fails=1 fail_timeout=1s backup;" in groups["web_blue_warm"]
    assert "server 127.0.0.1:4340 max_fails=1 fail_timeout=1s backup;" in groups["web_green_warm"]


def test_all_servers_of_a_colour_are_in_its_group() -> None:
    blue = Upstream("r1", (local(1), Address("::1", 2), Address("web-2", 3)))
    site = ApplicationSite("shop", "web", local(8081), Pool(blue, Upstream("r2", (local(4),))))
    text = render(replace(example(), applications=(site,)))
    group = text.split("upstream shop_blue {")[1].split("}")[0]
    assert [line.split()[1] for line in group.splitlines() if "server " in line] == [
        "127.0.0.1:1",
        "[::1]:2",
        "web-2:3",
    ]


def test_literal_routes_come_before_those_with_parameters() -> None:
    routes = ("/products/{slug}", "/products/new")
    site = replace(example().applications[0], routes=routes)
    text = render(replace(example(), applications=(site,)))
    assert text.index('"/products/new";') < text.index('"/products/:slug";')


def test_strict_transport_security_is_only_sent_when_users_come_over_tls() -> None:
    assert "Strict-Transport-Security" not in render(example())
    assert "Strict-Transport-Security" in render(replace(example(), https=True))


def test_without_trusted_proxies_no_forwarded_address_is_believed() -> None:
    assert "set_real_ip_from" not in render(example())
    text = render(replace(example(), trusted_proxies=("10.0.0.0/8",)))
    assert "set_real_ip_from 10.0.0.0/8;" in text


def test_any_host_is_served_only_when_that_is_asked_for() -> None:
    assert "return 421" in render(example())
    assert "return 421" not in render(replace(example(), hosts=("*",)))


def test_a_build_command_is_escaped_in_the_page_and_in_the_configuration() -> None:
    console = replace(example().console, build_command="echo '<b>' && x")
    text = render(replace(example(), console=console))
    assert "echo &#x27;&lt;b&gt;&#x27; &amp;&amp; x" in text


@given(st.text(max_size=20))
def test_a_path_is_either_written_as_it_is_or_refused(name: str) -> None:
    paths = EdgePaths(Path("/srv") / name.replace("/", "_"), Path("/srv/log"))
    configuration = replace(example(), paths=paths)
    if re.search(r'[\x00-\x1f\x7f"$\\]', name):
        with pytest.raises(InvalidInputError, match="a character that nginx cannot read"):
            render(configuration)
    else:
        assert f'pid "{paths.pid}";' in render(configuration)


def test_nginx_keeps_all_its_files_in_the_state_folder() -> None:
    paths = example().paths
    assert edge_argv(Path("/bin/nginx"), paths) == (
        "/bin/nginx",
        "-p",
        "/srv/state/edge",
        "-e",
        "stderr",
        "-c",
        "/srv/state/edge/nginx.conf",
    )


def test_the_candidate_is_tested_before_it_replaces_the_configuration() -> None:
    assert edge_test_argv(Path("/bin/nginx"), example().paths)[-3:] == (
        "/srv/state/edge/nginx.candidate.conf",
        "-t",
        "-q",
    )
