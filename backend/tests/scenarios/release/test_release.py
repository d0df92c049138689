"""Good and bad releases under load, on real processes behind the real nginx."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from insightengine.core.errors import ConflictError
from insightengine.stores.journal.port import Operation
from tests.scenarios.release.ground import Ground
from tests.scenarios.release.load import load_on

REPOSITORY = Path(__file__).parents[4]
pytestmark = pytest.mark.timeout(170)


def assert_taken_back(one: Ground, operation: Operation, code: str) -> None:
    assert operation.state == "failed", one.story(operation)
    assert operation.failure is not None
    assert operation.failure["code"] == code, one.story(operation)
    assert one.version() == "1"
    assert len(one.colours()) == 1, "what failed still runs"
    assert f"release {next(iter(one.colours().values()))} serves" in operation.summary


def test_a_good_release_replaces_the_serving_one_without_a_failed_request(serving: Ground) -> None:
    with load_on(serving.port) as load:
        operation = serving.deploy(version="2")
    assert operation.state == "done", serving.story(operation)
    assert load.failures == []
    assert set(load.answers) == {"1", "2"}
    assert serving.version() == "2"
    assert len(serving.colours()) == 2, "the old one stays warm"
    worker = [i for i in serving.means.runtime.instances("tiny") if i.colour is None]
    assert [one.release for one in worker] == [operation.release]


def test_a_rollback_within_the_window_is_one_switch(serving: Ground) -> None:
    serving.deploy(quick=True, version="2")
    before = {i.name for i in serving.means.runtime.instances("tiny")}
    with load_on(serving.port) as load:
        began = time.monotonic()
        operation = serving.roll_back()
        took_s = time.monotonic() - began
    assert operation.state == "done", serving.story(operation)
    steps = [e.step for e in serving.means.journal.entries(operation.id)]
    assert "start" not in steps
    assert load.failures == []
    assert serving.version() == "1"
    assert before
    print(f"rollback within the window: {took_s:.2f} s with its drain")  # noqa: T201


def test_a_release_is_brought_back_that_no_longer_runs(serving: Ground) -> None:
    first = next(iter(serving.colours().values()))
    serving.deploy(quick=True, version="2")
    serving.deploy(quick=True, version="3")
    with load_on(serving.port) as load:
        operation = serving.roll_back(first[:5])
    assert operation.state == "done", serving.story(operation)
    assert load.failures == []
    assert serving.version() == "1"


def test_the_same_again_is_no_change(serving: Ground) -> None:
    assert serving.deploy(version="1").state == "unchanged"


def test_an_unhealthy_release_never_gets_a_visitor(serving: Ground) -> None:
    serving.rewrite("deadline: 10s", "deadline: 1s")
    with load_on(serving.port) as load:
        operation = serving.deploy(version="2", health=503)
    assert_taken_back(serving, operation, "unhealthy")
    assert "expected 200" in operation.summary
    assert load.failures == []
    assert set(load.answers) == {"1"}


def test_a_release_that_crashes_after_its_start_is_taken_back(serving: Ground) -> None:
    with load_on(serving.port) as load:
        operation = serving.deploy(version="2", crash_after_s=0.7)
    assert operation.state == "failed", serving.story(operation)
    assert serving.version() == "1"
    assert [f for f in load.failures if f.startswith("GET")] == []


def test_an_error_regression_is_noticed_and_taken_back(serving: Ground) -> None:
    with load_on(serving.port) as load:
        operation = serving.deploy(version="2", error_ratio=0.2)
    assert_taken_back(serving, operation, "gate_failed")
    assert "requests failed, of the previous release" in operation.summary
    assert [f for f in load.failures if not f.endswith(" 500")] == [], "the switch cost requests"


def test_a_slow_regression_is_noticed_and_taken_back(serving: Ground) -> None:
    with load_on(serving.port) as load:
        operation = serving.deploy(version="2", latency_ms=40)
    assert_taken_back(serving, operation, "gate_failed")
    assert "p95 is" in operation.summary
    assert load.failures == []


def test_an_idle_application_is_judged_by_probes(serving: Ground) -> None:
    operation = serving.deploy(version="2")
    assert operation.state == "done", serving.story(operation)
    done = [e for e in serving.means.journal.entries(operation.id) if e.step == "watch"]
    assert done[-1].detail["verdict"]["basis"] == "probes"  # type: ignore[index]


def test_a_build_that_fails_changes_nothing(serving: Ground) -> None:
    operation = serving.deploy(version="2", build_fails=True)
    assert (operation.state, serving.version()) == ("failed", "1")
    assert operation.summary.startswith("nothing was changed: ")
    assert "it cannot be built" in serving.story(operation)
    assert list((serving.context.state.releases / "artefacts").glob("*.partial")) == []


@pytest.mark.containers
def test_a_cancelled_release_is_taken_back(serving: Ground) -> None:
    operation = serving.ask(version="2", start_s=5)
    cancel = threading.Timer(1.0, serving.means.journal.cancel, (operation.id, "bob"))
    cancel.start()
    serving.service.work()
    after = serving.means.journal.operation(operation.id)
    assert after.state == "cancelled", serving.story(after)
    assert "bob cancelled it" in after.summary
    assert (serving.version(), len(serving.colours())) == ("1", 1)


def test_a_second_deployment_is_refused_while_one_is_under_way(serving: Ground) -> None:
    serving.ask(version="2")
    with pytest.raises(ConflictError, match="is under way since"):
        serving.ask(version="3")


def test_a_configuration_that_nginx_refuses_leaves_the_old_one_serving(serving: Ground) -> None:
    port = serving.context.settings.base_port + 20  # the edge's own
    serving.rewrite('- "${TINY_PORT:-8000}:8000"', f'- "{port}:8000"')
    operation = serving.deploy(version="2")
    assert_taken_back(serving, operation, "invalid_edge_configuration")


def test_a_crash_of_the_serving_colour_fails_no_request_that_may_be_repeated(
    serving: Ground,
) -> None:
    serving.deploy(quick=True, version="2")
    pid = serving.serving_pid()
    with load_on(serving.port) as load:
        load.await_answers(50)
        os.kill(pid, 9)
        load.await_answers(load.answers.total() + 200)
    assert [f for f in load.failures if f.startswith("GET")] == []
    assert load.answers["1"] > 0, "the warm colour stepped in"


def test_old_releases_go_with_what_they_are_made_of_and_rollback_targets_stay(
    serving: Ground,
) -> None:
    serving.rewrite("release:", "release:\n    keep: 1\n    keep_for: 0s")
    for number in "234":
        assert serving.deploy(quick=True, version=number).state == "done"
    kept = serving.means.journal.releases("tiny")
    assert len(kept) == 2, "the serving one and its rollback target"
    artefacts = {(one.service, one.digest) for one in serving.means.runtime.artefacts()}
    assert artefacts == {pair for one in kept for pair in one.content["artefacts"].items()}  # type: ignore[attr-defined]
    assert serving.roll_back().state == "done"
    assert serving.version() == "3"
