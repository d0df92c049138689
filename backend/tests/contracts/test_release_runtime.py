"""What `ReleaseRuntime` promises, asked of every runtime with the same tiny application."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from insightengine.core.colours import Colour
from insightengine.core.errors import ConflictError, InsightError
from insightengine.runtimes.port import Instance, InstanceState, Unit
from tests.contracts.runtime_harness import RUNTIMES, Harness

BLUE, GREEN = Colour.BLUE, Colour.GREEN
Found = TypeVar("Found")


@pytest.fixture(params=list(RUNTIMES))
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    with RUNTIMES[request.param](request) as one:
        yield one


def eventually(look: Callable[[], Found | None], within_s: float = 20.0) -> Found:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s")


def of(harness: Harness, colour: Colour | None) -> list[Instance]:
    return [one for one in harness.runtime.instances("tiny") if one.colour is colour]


def answer(instance: Instance) -> str | None:
    """The version that answers at the instance's address; None when nothing does."""
    try:
        with urlopen(f"http://{instance.host}:{instance.port}/", timeout=2) as response:
            return str(json.load(response)["version"])
    except (URLError, ConnectionError, TimeoutError):
        return None


def serving(harness: Harness, colour: Colour) -> Instance:
    """The one web instance of the colour, once it answers."""

    def look() -> Instance | None:
        [found] = of(harness, colour)
        return found if found.state is InstanceState.RUNNING and answer(found) else None

    return eventually(look)


def started(harness: Harness, colour: Colour, release: str) -> Unit:
    unit = harness.unit(release)
    harness.runtime.start(colour, unit)
    return unit


def test_the_same_source_gives_the_same_artefact(harness: Harness) -> None:
    source = harness.source()
    first = harness.runtime.obtain(source, "web", lambda _: None)
    assert harness.runtime.obtain(source, "web", lambda _: None) == first
    assert first.digest.startswith("sha256:")
    assert harness.again().has(first)


def test_changed_source_gives_another_artefact_beside_the_first(harness: Harness) -> None:
    first = harness.runtime.obtain(harness.source(version="1"), "web", lambda _: None)
    second = harness.runtime.obtain(harness.source(version="2"), "web", lambda _: None)
    assert first != second
    assert {first, second} <= set(harness.runtime.artefacts())


def test_a_failed_build_tells_why_and_leaves_nothing(harness: Harness) -> None:
    lines: list[str] = []
    with pytest.raises(InsightError) as caught:
        harness.runtime.obtain(harness.source(build_fails=True), "web", lines.append)
    assert caught.value.code == "build_failed"
    assert any("cannot be built" in line for line in lines)
    assert harness.runtime.artefacts() == ()


def test_an_artefact_is_discarded_unless_it_runs(harness: Harness) -> None:
    unit = started(harness, BLUE, "r1")
    serving(harness, BLUE)
    with pytest.raises(ConflictError):
        harness.runtime.discard(unit.artefacts["web"])
    harness.runtime.stop("tiny", BLUE)
    harness.runtime.discard(unit.artefacts["web"])
    harness.runtime.discard(unit.artefacts["web"])
    assert not harness.runtime.has(unit.artefacts["web"])


def test_a_started_colour_answers_from_its_release(harness: Harness) -> None:
    started(harness, BLUE, "r1")
    instance = serving(harness, BLUE)
    assert (instance.service, instance.release, answer(instance)) == ("web", "r1", "r1")


def test_two_colours_run_two_versions_at_two_addresses(harness: Harness) -> None:
    started(harness, BLUE, "r1")
    started(harness, GREEN, "r2")
    blue, green = serving(harness, BLUE), serving(harness, GREEN)
    assert (blue.host, blue.port) != (green.host, green.port)
    assert (answer(blue), answer(green)) == ("r1", "r2")


def test_starting_again_changes_nothing(harness: Harness) -> None:
    unit = started(harness, BLUE, "r1")
    before = serving(harness, BLUE)
    harness.again().start(BLUE, unit)
    assert serving(harness, BLUE) == before


def test_a_colour_that_runs_another_release_is_not_started_over(harness: Harness) -> None:
    started(harness, BLUE, "r1")
    serving(harness, BLUE)
    with pytest.raises(ConflictError):
        started(harness, BLUE, "r2")
    assert answer(serving(harness, BLUE)) == "r1"


def test_a_stopped_colour_is_gone_and_its_last_lines_are_not(harness: Harness) -> None:
    started(harness, BLUE, "r1")
    before = serving(harness, BLUE)
    harness.runtime.stop("tiny", BLUE)
    harness.runtime.stop("tiny", BLUE)
    assert of(harness, BLUE) == []
    assert answer(before) is None
    assert any("r1" in line for line in harness.runtime.logs("tiny", BLUE, "web", 20))


def test_stopping_a_colour_leaves_the_other_serving(harness: Harness) -> None:
    started(harness, BLUE, "r1")
    started(harness, GREEN, "r2")
    before = serving(harness, GREEN)
    harness.runtime.stop("tiny", BLUE)
    assert serving(harness, GREEN) == before


def test_a_colour_outlives_whoever_started_it(harness: Harness) -> None:
    started(harness, BLUE, "r1")
    before = serving(harness, BLUE)
    assert [i for i in harness.again().instances("tiny") if i.colour is BLUE] == [before]


def test_single_services_are_replaced_once(harness: Harness) -> None:
    harness.runtime.replace(harness.unit("r1"), BLUE)
    [first] = eventually(lambda: running(harness))
    assert (first.service, first.release, first.port) == ("worker", "r1", None)
    second = harness.unit("r2")
    harness.runtime.replace(second, GREEN)
    [after] = eventually(lambda: running(harness))
    assert after.release == "r2"
    harness.again().replace(second, GREEN)
    assert running(harness) == [after]


def test_a_single_service_that_is_no_longer_wanted_is_ended(harness: Harness) -> None:
    harness.runtime.replace(harness.unit("r1"), BLUE)
    eventually(lambda: running(harness))
    harness.runtime.replace(harness.unit("r2", services="web"), BLUE)
    assert of(harness, None) == []


def running(harness: Harness) -> list[Instance]:
    return [one for one in of(harness, None) if one.state is InstanceState.RUNNING]


@pytest.mark.parametrize("code", [0, 3])
def test_a_command_runs_with_the_environment_of_its_service(harness: Harness, code: int) -> None:
    lines: list[str] = []
    program = f"import os; print('for', os.environ['WHOM']); raise SystemExit({code})"
    outcome = harness.runtime.run(
        harness.unit("r1"),
        "web",
        ["{python}", "-c", program],
        environment={"WHOM": "everybody"},
        timeout_s=20,
        output=lines.append,
    )
    assert (outcome, lines) == (code, ["for everybody"])


def test_a_command_that_takes_too_long_is_ended(harness: Harness) -> None:
    with pytest.raises(TimeoutError):
        harness.runtime.run(
            harness.unit("r1"),
            "web",
            ["{python}", "-c", "import time; time.sleep(60)"],
            environment={},
            timeout_s=0.5,
            output=lambda _: None,
        )
