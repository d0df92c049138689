"""The Compose files made of a user's own: what is kept, what is decided, what is limited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import InvalidInputError
from insightengine.runtimes.compose.document import (
    Task,
    build_file,
    colour_file,
    definition,
    servers_file,
    single_file,
    task_file,
)
from insightengine.runtimes.compose.names import Names
from tests.unit.runtimes.compose.applications import NAMES, SHOP, around, unit


def colour(text: str = SHOP, **more: Any) -> dict[str, Any]:
    one = unit(text, **more)
    return dict(colour_file(one, Colour.BLUE, around(one, Colour.BLUE)))


def web(text: str = SHOP, **more: Any) -> dict[str, Any]:
    return dict(colour(text, **more)["services"]["web-blue"])


def test_each_replica_is_a_service_with_an_address_of_its_own() -> None:
    services = colour()["services"]
    addresses = [one["networks"]["insight-edge"]["ipv4_address"] for one in services.values()]
    assert list(services) == ["web-blue", "web-blue-2"]
    assert addresses == ["10.201.64.0", "10.201.64.1"]


def test_colours_differ_in_names_and_addresses() -> None:
    one = unit()
    green = colour_file(one, Colour.GREEN, around(one, Colour.GREEN))["services"]
    assert list(green) == ["web-green", "web-green-2"]  # type: ignore[call-overload]
    assert green["web-green"]["networks"]["insight-edge"] == {"ipv4_address": "10.201.128.0"}  # type: ignore[index]


def test_a_colour_is_found_by_its_service_name_only_within_itself() -> None:
    networks = web()["networks"]
    assert networks["insight-colour"] == {"aliases": ["web"]}
    assert colour()["networks"]["insight-colour"] == {"external": True, "name": "shop-blue"}


def test_networks_of_the_file_are_joined_without_an_address_that_both_would_claim() -> None:
    networks = web()["networks"]
    assert networks["front"] == {"aliases": ["www"]}
    assert networks["back"] is None
    assert colour()["networks"]["back"] == {"external": True, "name": "shop_back"}


def test_published_ports_are_left_to_the_edge() -> None:
    assert "ports" not in web()


def test_the_image_is_the_one_of_the_release() -> None:
    assert web()["image"].startswith("localhost/insight-1a2b3c4d:web.")
    assert "build" not in web()


def test_keys_that_the_model_does_not_know_are_kept() -> None:
    assert web()["ulimits"] == {"nofile": 1024}
    assert web()["deploy"] == {"resources": {"limits": {"memory": "256M"}}}
    assert web()["labels"]["team"] == "shop"
    assert web()["volumes"] == ["uploads:/uploads", "./static:/static:ro"]


def test_dollars_are_not_read_as_variables_again() -> None:
    assert web()["environment"]["PASSWORD"] == "pa$$1wor$$D"
    assert web()["command"] == "serve --price $$5"


def test_dollars_of_a_server_are_not_read_as_variables_again() -> None:
    check = 'healthcheck: {test: [CMD-SHELL, "pg_isready -U $${POSTGRES_USER}"]}'
    text = SHOP.replace("image: postgres:18", f"image: postgres:18\n    {check}")
    postgres: Any = servers_file(unit(text), NAMES)["services"]["postgres"]  # type: ignore[index]
    assert postgres["healthcheck"]["test"] == ["CMD-SHELL", "pg_isready -U $${POSTGRES_USER}"]


def test_a_label_of_the_file_cannot_say_who_a_container_is() -> None:
    text = SHOP.replace("labels: [team=shop]", "labels: [team=shop, io.insightengine.canary=x]")
    assert web(text)["labels"]["team"] == "shop"
    assert "io.insightengine.canary" not in web(text)["labels"]


def test_two_services_are_never_one_container() -> None:
    twice = SHOP.replace("read_only: false", "read_only: false\n    scale: 2")
    one = unit(twice.replace("  migrate:\n", "  worker-2: {image: other:1}\n  migrate:\n"))
    with pytest.raises(InvalidInputError, match="another service's container is called worker-2"):
        single_file(one, around(one), {})


def test_variables_of_env_files_are_closed_in_and_lose_to_the_service() -> None:
    environment = web(env_files={"web": {"PLAIN": "0", "EXTRA": "a$b"}})["environment"]
    assert (environment["PLAIN"], environment["EXTRA"]) == ("1", "a$$b")


def test_telemetry_is_told_where_to_go_and_from_which_release() -> None:
    environment = web()["environment"]
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://otlp:4318"
    assert "insight.release=r1,insight.colour=blue" in environment["OTEL_RESOURCE_ATTRIBUTES"]


def test_a_container_carries_who_it_is() -> None:
    labels = web()["labels"]
    told = {name.removeprefix("io.insightengine."): value for name, value in labels.items()}
    assert (
        told.items()
        >= {
            "platform": NAMES.platform,
            "unit": "shop",
            "service": "web",
            "colour": "blue",
            "release": "r1",
            "port": "8000",
            "name": "web.blue",
        }.items()
    )


def test_what_the_file_leaves_open_is_limited() -> None:
    limited = web()
    assert limited["read_only"] is True
    assert limited["cap_drop"] == ["ALL"]
    assert "cap_add" not in limited
    assert limited["security_opt"] == ["no-new-privileges:true"]
    assert limited["pids_limit"] == 1024
    assert limited["tmpfs"] == ["/tmp:mode=1777", "/run:mode=1777"]
    assert limited["logging"]["options"]["max-size"] == "10m"
    assert limited["restart"] == "unless-stopped"


def test_a_limit_of_processes_stands_in_one_place_only() -> None:
    limited = web(SHOP.replace("memory: 256M", "pids: 64"))
    assert limited["deploy"] == {"resources": {"limits": {"pids": 64}}}
    assert "pids_limit" not in limited


def test_an_image_that_begins_as_root_may_step_down() -> None:
    one = unit()
    services: Any = colour_file(one, Colour.BLUE, around(one, Colour.BLUE, user=""))["services"]
    assert services["web-blue"]["cap_add"] == [
        *("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")
    ]


def single(releases: dict[str, str] | None = None, text: str = SHOP) -> dict[str, Any]:
    one = unit(text)
    return dict(single_file(one, around(one), releases or {}))["services"]  # type: ignore[no-any-return, call-overload]


def test_what_the_file_says_wins_over_limits() -> None:
    worker = single()["worker"]
    assert worker["read_only"] is False
    assert worker["cap_drop"] == []


def test_a_job_that_others_wait_for_is_not_kept_running() -> None:
    assert "restart" not in single()["migrate"]
    assert single()["worker"]["restart"] == "unless-stopped"


def test_an_unchanged_single_service_keeps_the_release_it_runs_under() -> None:
    services = single({"worker": "r0"})
    assert services["worker"]["labels"]["io.insightengine.release"] == "r0"
    assert services["migrate"]["labels"]["io.insightengine.release"] == "r1"


def test_the_release_alone_makes_no_other_definition() -> None:
    one, two = unit(), unit(release="r2")
    worker = one.single[0]
    assert definition(one, worker, around(one)) == definition(two, worker, around(two))
    other = unit(SHOP.replace("read_only: false", "read_only: true"))
    assert definition(one, worker, around(one)) != definition(other, worker, around(other))


MOUNTED = (
    SHOP.replace("  worker:\n", "  worker:\n    secrets: [token]\n")
    + """
secrets: {token: {file: ./token}, outside: {external: true}}
configs: {routes: {file: ./routes.json}}
"""
)


def test_secrets_and_configs_are_mounted_as_they_were_when_the_release_was_made() -> None:
    one = unit(MOUNTED)
    kept = replace(around(one), files={"secrets.token": "/state/shop/files/ab12"})
    content: Any = single_file(one, kept, {})
    assert content["secrets"]["token"] == {"file": "/state/shop/files/ab12"}
    assert content["secrets"]["outside"] == {"external": True}
    assert content["configs"]["routes"] == {"file": "./routes.json"}, "nothing of it was kept"


def test_another_version_of_a_secret_makes_another_definition_of_who_mounts_it() -> None:
    one = unit(MOUNTED)
    migrate, worker = sorted(one.single, key=lambda service: service.name)[::2]
    before = replace(around(one), files={"secrets.token": "/files/1"})
    after = replace(around(one), files={"secrets.token": "/files/2"})
    assert definition(one, worker, before) != definition(one, worker, after)
    assert definition(one, migrate, before) == definition(one, migrate, after)


def test_another_environment_shares_neither_networks_nor_volumes() -> None:
    one = unit()
    names = Names("insight-1a2b3c4d", "staging")
    content: Any = colour_file(one, Colour.BLUE, replace(around(one, Colour.BLUE), names=names))
    assert content["networks"]["insight-colour"]["name"] == "shop-staging-blue"
    assert content["networks"]["back"]["name"] == "shop-staging_back"
    assert content["volumes"]["uploads"]["name"] == "shop-staging_uploads"


def test_servers_keep_their_published_ports_and_volumes() -> None:
    content: Any = servers_file(unit(), NAMES)
    postgres = content["services"]["postgres"]
    assert list(content["services"]) == ["postgres"]
    assert postgres["ports"] == ["127.0.0.1:5433:5432"]
    assert postgres["image"] == "postgres:18"
    assert postgres["deploy"] == {"resources": {"limits": {"memory": "512M"}}}
    assert "read_only" not in postgres
    assert content["volumes"]["data"] == {"external": True, "name": "shop-data"}


def test_a_task_runs_once_with_its_own_variables() -> None:
    one = unit()
    service = one.source.application.services[0]
    task = Task("ab12", ["migrate", "up $x"], {"PLAIN": "2"})
    definition: Any = task_file(one, service, around(one), task)["services"]
    assert definition["task"]["command"] == ["migrate", "up $$x"]
    assert definition["task"]["environment"]["PLAIN"] == "2"
    assert definition["task"]["restart"] == "no"


def test_a_build_names_only_what_is_built() -> None:
    one = unit()
    content: Any = build_file(one.source.application, one.source.application.services[0], "x:web")
    assert content["services"] == {
        "web": {"build": {"context": ".", "args": {"BASE": "debian"}}, "image": "x:web"}
    }


def test_two_colours_in_the_network_of_the_host_are_refused() -> None:
    text = SHOP.replace(
        "networks: {front: {ipv4_address: 10.9.9.9, aliases: [www]}, back: }", "network_mode: host"
    )
    with pytest.raises(InvalidInputError, match=r"services\.web\.network_mode is 'host'"):
        colour(text)
