"""Containers as processes of `insight status`."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from insightengine.core.colours import Colour
from insightengine.runtimes.compose.observe import Container
from insightengine.runtimes.compose.status import instances_told, status_of
from insightengine.runtimes.port import Instance, InstanceState, ProcessState, ProcessStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)
WEB = Instance("shop", "web", "web.blue", Colour.BLUE, "r1", InstanceState.RUNNING, "10.1.64.0", 80)


def told(
    instance: Instance, problem: str | None = None, before: ProcessStatus | None = None
) -> ProcessStatus:
    container = Container("4f5e", "shop-blue-web-blue-1", {}, instance, frozenset(), process=42)
    status = status_of(
        container, problem, before, LATER if before else NOW, lambda unit, name: name
    )
    assert status is not None
    return status


def test_a_container_that_answers_is_ready_under_its_own_name() -> None:
    status = told(WEB)
    assert (status.name, status.state, status.pid) == ("web.blue", ProcessState.READY, 42)
    assert status.labels["container"] == "shop-blue-web-blue-1"


def test_one_that_never_answered_is_starting_and_one_that_did_is_unhealthy() -> None:
    starting = told(WEB, "answered 503")
    assert (starting.state, starting.detail) == (ProcessState.STARTING, "answered 503")
    assert told(WEB, "answered 503", before=told(WEB)).state is ProcessState.UNHEALTHY


def test_the_time_of_a_state_is_that_of_its_begin() -> None:
    assert told(WEB, before=told(WEB)).since == NOW
    assert told(WEB, "answered 503", before=told(WEB)).since == LATER


def test_one_that_ends_again_and_again_is_in_a_crash_loop() -> None:
    failed = replace(WEB, state=InstanceState.FAILED, detail="ended with exit code 3")
    assert told(failed).state is ProcessState.BACKING_OFF
    assert told(replace(failed, restarts=5)).state is ProcessState.CRASH_LOOP


def test_a_service_named_like_a_part_of_the_platform_is_told_apart() -> None:
    server = Instance("shop", "postgres", "postgres.1", None, "", InstanceState.RUNNING)
    container = Container("1", "shop-postgres-1", {}, server, frozenset())
    status = status_of(container, None, None, NOW, lambda unit, name: f"{unit}-{name}")
    assert status is not None
    assert (status.name, status.labels["service"]) == ("shop-postgres.1", "shop-postgres")


def test_who_has_no_docker_plans_with_what_was_told() -> None:
    [found] = instances_told([asdict(told(WEB)), asdict(told(replace(WEB, unit="blog")))], "shop")
    assert found == replace(WEB, host=None, port=None)
