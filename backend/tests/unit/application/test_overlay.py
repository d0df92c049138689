"""An environment's overlay: what it changes, and where its mistakes are told."""

from __future__ import annotations

import textwrap

import pytest

from insightengine.application.load import Overlay, load_application
from insightengine.application.model import Application, Service
from insightengine.application.policy import Approval
from insightengine.core.errors import InvalidInputError

BASE = """\
    name: shop
    services:
      web:
        image: shop
        command: serve --workers 1
        environment:
          - LEVEL=debug
          - REGION=eu
        ports: ["4301:8000"]
        volumes: ["data:/var/data", "./src:/app"]
        x-insight:
          health: {path: /up, interval: 1s}
          smoke: [/, /products]
      worker: {image: shop, profiles: [jobs]}
    volumes: {data: }
    x-insight:
      release: {watch: 30s, canary: [5, 50], approval: none}
    """


def laid(overlay: str, base: str = BASE) -> Application:
    over = Overlay(textwrap.dedent(overlay), "compose.staging.yaml")
    return load_application(textwrap.dedent(base), "compose.yaml", {"LEVEL": "info"}, over)


def web(overlay: str) -> Service:
    found = laid(overlay).service("web")
    assert found is not None
    return found


def error_of(overlay: str) -> str:
    with pytest.raises(InvalidInputError) as caught:
        laid(overlay)
    return f"{caught.value.message} | {caught.value.hint}"


def test_what_the_overlay_does_not_name_stays() -> None:
    assert laid("name: shop\n") == laid("services: {web: {image: shop}}\n")


def test_mappings_are_merged_key_by_key_and_single_values_replaced() -> None:
    application = laid("x-insight: {release: {approval: another}}")
    assert application.release.approval is Approval.ANOTHER
    assert (application.release.watch_s, application.release.canary) == (30, (5, 50))


def test_lists_of_ours_are_replaced_and_the_rest_of_x_insight_is_kept() -> None:
    application = laid("x-insight: {release: {canary: [10]}}")
    assert application.release.canary == (10,)
    service = web("services: {web: {x-insight: {smoke: [/up]}}}")
    assert [request.path for request in service.smoke] == ["/up"]
    assert service.health is not None
    assert service.health.interval_s == 1


def test_variables_are_merged_by_name_in_either_form() -> None:
    service = web("services: {web: {environment: {LEVEL: warning, MODE: safe}}}")
    assert service.environment == {"LEVEL": "warning", "REGION": "eu", "MODE": "safe"}
    listed = web("services: {web: {environment: [LEVEL=warning, MODE=safe]}}")
    assert listed.environment == service.environment


def test_a_command_is_replaced_and_a_port_is_added() -> None:
    service = web('services: {web: {command: serve, ports: ["4401:8000"]}}')
    assert service.command == ("serve",)
    assert [port.host for port in service.published_ports] == [4301, 4401]


def test_the_same_port_is_not_published_twice() -> None:
    service = web('services: {web: {ports: ["4301:8000"]}}')
    assert [port.host for port in service.published_ports] == [4301]


def test_a_mount_replaces_the_one_of_the_same_target() -> None:
    service = web('services: {web: {volumes: ["./data:/var/data"]}}')
    assert [(one.source, one.target) for one in service.mounts] == [
        ("./data", "/var/data"),
        ("./src", "/app"),
    ]


def test_override_replaces_whole_and_reset_takes_away() -> None:
    service = web(
        """
        services:
          web:
            ports: !override ["4401:8000"]
            environment: !reset {}
            command: !reset null
        """
    )
    assert [port.host for port in service.published_ports] == [4401]
    assert (service.environment, service.command) == ({}, None)


def test_a_service_may_be_added() -> None:
    application = laid("services: {mail: {image: mailpit}}")
    assert [one.name for one in application.services] == ["web", "worker", "mail"]


def test_a_mistake_in_the_overlay_is_told_at_its_place_in_the_overlay() -> None:
    told = error_of("services:\n  web:\n    x-insight:\n      helth: {path: /}\n")
    assert told.startswith("compose.staging.yaml:4:7: services.web.x-insight.helth: unknown key")
    assert "did you mean `health`?" in told


def test_a_wrong_value_in_the_overlay_is_told_at_its_place_in_the_overlay() -> None:
    told = error_of("x-insight:\n  release:\n    canary: [50, 5]\n")
    assert told.startswith("compose.staging.yaml:3:13: x-insight.release.canary: found a list")


def test_forms_that_cannot_be_merged_name_both_places() -> None:
    told = error_of("x-insight:\n  release: [watch]\n")
    assert told.startswith(
        "compose.staging.yaml:2:12: x-insight.release: found a list, but the Compose file has a "
        "mapping in line 17"
    )
    assert "!override" in told


def test_problems_of_both_files_are_told_together_each_with_its_file() -> None:
    with pytest.raises(InvalidInputError) as caught:
        laid("services: {web: {imge: a}}", BASE.replace("watch: 30s", "watch: soon"))
    files = {problem["file"] for problem in caught.value.context["problems"]}
    assert files == {"compose.yaml", "compose.staging.yaml"}


def test_an_overlay_that_is_not_yaml_is_told_with_its_name() -> None:
    assert error_of("services: [").startswith("compose.staging.yaml:")


def test_a_compose_file_itself_holds_no_instructions_for_merging() -> None:
    with pytest.raises(InvalidInputError, match="found the tag !reset"):
        load_application("services: {web: {image: a, ports: !reset []}}", "compose.yaml", {})
