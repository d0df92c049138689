"""Files in the style of well-known collections are read as `docker compose` reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from insightengine.application.load import Overlay, load_application
from insightengine.application.local import local_problems
from insightengine.application.model import (
    Application,
    Condition,
    Dependency,
    EnvFile,
    Mount,
    Protocol,
    PublishedPort,
    RestartPolicy,
    Service,
    SuppliedKind,
)

FILES = Path(__file__).with_name("files")
SHOP = Path(__file__).parents[4] / "examples/shop/compose.yaml"


def read(name: str) -> Application:
    path = FILES / f"{name}.yaml"
    return load_application(path.read_text(encoding="utf-8"), str(path), {})


def service(application: Application, name: str) -> Service:
    found = application.service(name)
    assert found is not None
    return found


@pytest.mark.parametrize("path", sorted(FILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_real_file_is_read_without_a_problem(path: Path) -> None:
    application = load_application(path.read_text(encoding="utf-8"), str(path), {})
    assert application.services
    assert application.warnings == ()


def test_ports_in_every_form() -> None:
    ports = service(read("media-server"), "traefik").published_ports
    assert ports == (
        PublishedPort(80, 80, "127.0.0.1"),
        PublishedPort(443, 443),
        PublishedPort(8443, 8443, "::1"),
        PublishedPort(6060, 7060, None, Protocol.UDP),
        PublishedPort(6061, 7061, None, Protocol.UDP),
        PublishedPort(6062, 7062, None, Protocol.UDP),
        PublishedPort(None, 9000),
    )


def test_restart_scale_grace_and_env_files() -> None:
    search = service(read("media-server"), "search")
    assert search.restart is RestartPolicy.ON_FAILURE
    assert (search.replicas, search.stop_grace_s) == (3, 60.0)
    assert search.env_files == (EnvFile("common.env"), EnvFile("local.env", required=False))


def test_build_mounts_dependencies_and_environment() -> None:
    backend = service(read("nginx-flask-postgres"), "backend")
    assert backend.build is not None
    assert (backend.build.context, backend.build.target) == ("backend", "dev-envs")
    assert backend.environment == {"FLASK_SERVER_PORT": "9090", "DEBUG": "true"}
    assert backend.mounts[1] == Mount(
        "bind", "/var/run/docker.sock", "/var/run/docker.sock", read_only=True
    )
    assert backend.depends_on == (Dependency("db", Condition.HEALTHY, restart=True),)
    assert (backend.networks, backend.replicas) == (("backnet", "frontnet"), 2)
    assert backend.secrets == ("db-password",)


def test_a_healthcheck_has_its_durations() -> None:
    check = service(read("nginx-flask-postgres"), "db").healthcheck
    assert check is not None
    assert (check.interval_s, check.start_period_s, check.retries) == (3.0, 90.0, 5)
    assert check.test == ("CMD", "pg_isready", "-U", "postgres")


def test_merge_keys_and_aliases_are_followed() -> None:
    application = read("airflow-style")
    webserver, worker = service(application, "webserver"), service(application, "worker")
    assert [one.service for one in webserver.depends_on] == ["redis", "postgres", "init"]
    assert worker.image == "apache/airflow:3.0"
    assert worker.environment["DUMB_INIT_SETSID"] == "0"
    assert worker.environment["FERNET_KEY"] == ""
    assert worker.healthcheck is not None
    assert worker.healthcheck.test[1] == 'celery inspect ping -d "celery@${HOSTNAME}"'


def test_profiles_choose_services() -> None:
    application = read("airflow-style")
    assert "flower" not in [one.name for one in application.active()]
    assert "flower" in [one.name for one in application.active(["flower"])]


def test_supplied_services_are_recognised_and_have_no_colours() -> None:
    application = read("airflow-style")
    kinds = {one.name: one.supplied for one in application.services if one.supplied}
    assert kinds == {"postgres": SuppliedKind.POSTGRES, "redis": SuppliedKind.VALKEY}
    assert [one.name for one in application.services if one.colours] == ["webserver", "flower"]


def test_what_needs_docker_is_named_each() -> None:
    found = local_problems(read("wordpress"))
    assert [one.key for one in found] == ["services.db", "services.wordpress"]
    assert "the image wordpress:latest" in found[1].message


def test_the_name_is_the_folders_when_none_is_given() -> None:
    text = "services: {web: {image: a}}"
    assert load_application(text, "My Shop!/compose.yaml", {}).name == "myshop"
    assert load_application(text, "compose.yaml", {}).name == "application"
    assert read("media-server").name == "media"


def test_the_shop_runs_without_docker() -> None:
    shop = load_application(SHOP.read_text(encoding="utf-8"), str(SHOP), {"SHOP_PORT": "5555"})
    assert local_problems(shop, ["traffic"]) == ()
    assert service(shop, "web").published_ports == (PublishedPort(5555, 8000),)
    assert service(shop, "web").colours
    assert "traffic" not in [one.name for one in shop.active()]


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_shop_has_an_overlay_for_each_environment(environment: str) -> None:
    file = SHOP.with_name(f"compose.{environment}.yaml")
    overlay = Overlay(file.read_text(encoding="utf-8"), str(file))
    shop = load_application(SHOP.read_text(encoding="utf-8"), str(SHOP), {}, overlay)
    own = load_application(SHOP.read_text(encoding="utf-8"), str(SHOP), {})
    ports = {service(one, "web").published_ports[0].host for one in (shop, own)}
    assert len(ports) == 2, "two environments fit on one machine"
    assert shop.warnings == ()
