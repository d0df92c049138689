"""Placeholders are replaced, secrets stay out of sight, and what is missing is named."""

from __future__ import annotations

import pytest

from insightengine.application.load import load_application
from insightengine.application.local import (
    Endpoint,
    LocalPlace,
    local_problems,
    local_process,
    require_local,
)
from insightengine.application.model import Application, SuppliedKind
from insightengine.core.errors import InvalidInputError
from insightengine.core.secrets import Secret

TEXT = """
services:
  web:
    image: a
    environment: {FROM_FILE: service, SERVICE: "{port}", BOTH: service}
    depends_on: {helper: {condition: service_started, required: true}}
    x-insight:
      local:
        command: "{scripts}/serve {python} --port={port} '{{literal}}' '{ not one }'"
        prepare: ["{python} migrate"]
        environment:
          DATABASE: "{db.url}?x=1"
          PASSWORD: "{db.password}"
          CACHE: "{cache.url}"
          PEER: "{helper.host}:{helper.port}"
          BOTH: local
  helper: {image: b, profiles: [extra]}
  db: {image: "postgres:18"}
  cache: {image: redis}
"""
PLACE = LocalPlace(
    python="/opt/python/bin/python3",
    port=4340,
    endpoints={
        "db": Endpoint(
            "127.0.0.1", 4332, SuppliedKind.POSTGRES, "app", Secret("p@ss/w:rd"), "shop"
        ),
        "cache": Endpoint("127.0.0.1", 4379, SuppliedKind.VALKEY, password=Secret("key")),
        "helper": Endpoint("127.0.0.1", 4342),
    },
)


def application() -> Application:
    return load_application(TEXT, "compose.yaml", {})


def test_placeholders_are_replaced() -> None:
    process = local_process(application().services[0], PLACE)
    assert process.argv == (
        "/opt/python/bin/serve",
        "/opt/python/bin/python3",
        "--port=4340",
        "{literal}",
        "{ not one }",
    )
    assert process.prepare == (("/opt/python/bin/python3", "migrate"),)
    assert process.working_dir == "."


def test_urls_carry_encoded_credentials() -> None:
    environment = local_process(application().services[0], PLACE).environment
    assert environment["DATABASE"] == "postgresql://app:p%40ss%2Fw%3Ard@127.0.0.1:4332/shop?x=1"
    assert environment["PASSWORD"] == "p@ss/w:rd"
    assert environment["CACHE"] == "redis://:key@127.0.0.1:4379"
    assert environment["PEER"] == "127.0.0.1:4342"


def test_local_wins_over_service_and_service_over_env_files() -> None:
    files = {"FROM_FILE": "file", "ONLY_FILE": "file"}
    environment = local_process(application().services[0], PLACE, files).environment
    assert environment["BOTH"] == "local"
    assert environment["FROM_FILE"] == "service"
    assert environment["ONLY_FILE"] == "file"
    assert environment["SERVICE"] == "{port}"


def test_a_process_does_not_show_its_environment() -> None:
    assert "p@ss" not in repr(local_process(application().services[0], PLACE))
    assert "p@ss" not in repr(PLACE)


def test_a_value_that_the_machine_does_not_have_is_an_error() -> None:
    without = LocalPlace(PLACE.python, None, PLACE.endpoints)
    with pytest.raises(InvalidInputError, match=r"\{port\} has no value here"):
        local_process(application().services[0], without)


def test_a_service_without_local_cannot_become_a_process() -> None:
    with pytest.raises(InvalidInputError, match=r"services\.helper\.x-insight\.local is missing"):
        local_process(application().services[1], PLACE)


def test_a_dependency_outside_of_the_profiles_is_a_problem() -> None:
    assert [one.key for one in local_problems(application())] == ["services.web.depends_on.helper"]
    assert [one.key for one in local_problems(application(), ["extra"])] == ["services.helper"]
    with pytest.raises(InvalidInputError, match="needs Docker"):
        require_local(application(), ["extra"])
