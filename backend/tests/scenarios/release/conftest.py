"""Every scenario of releases runs on processes and on containers.

Containers take longer: without INSIGHT_ALL_SCENARIOS=1 only those marked `containers` run there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.docker.engine import Engine
from tests.scenarios.release.ground import Ground, ground
from tests.scenarios.release.load import LOADS
from tests.scenarios.release.outcomes import OUTCOMES, PAGE, begin, conclude, recorded

EVERYTHING = os.environ.get("INSIGHT_ALL_SCENARIOS") == "1"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine" in metafunc.fixturenames:
        is_chosen = metafunc.definition.get_closest_marker("containers") is not None
        places = ["processes", *(["containers"] if is_chosen or EVERYTHING else [])]
        metafunc.parametrize("engine", places, indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Engine | None:
    """What the application's containers run in; None for processes."""
    if request.param == "processes":
        return None
    found: Engine = request.getfixturevalue("docker_engine")
    return found


@pytest.fixture
def serving(engine: Engine | None) -> Iterator[Ground]:
    """Version 1 serves as the first release."""
    with ground(engine=engine) as one:
        first = one.deploy(quick=True, version="1")
        assert first.state == "done", one.story(first)
        yield one


@pytest.fixture(autouse=True)
def _told(request: pytest.FixtureRequest) -> Iterator[None]:
    """What every test of a project came to that passed, in the table at the end."""
    begin(LOADS)
    failed_before = request.session.testsfailed
    yield
    if request.session.testsfailed == failed_before:
        place, scenario = scenario_of(request.node)
        conclude(scenario, place, LOADS)


def scenario_of(test: pytest.Function) -> tuple[str, str]:
    """Where it ran, and the sentence that its name is, with the other parameters that it has."""
    given = {**test.callspec.params} if hasattr(test, "callspec") else {}
    place = given.pop(
        "engine", "containers" if "docker_engine" in test.fixturenames else "processes"
    )
    ids = test.callspec.id.split("-") if given else []
    sentence = test.originalname.removeprefix("test_").replace("_", " ")
    return place, sentence + "".join(f" ({one})" for one in ids if one != place)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not OUTCOMES:
        return
    terminalreporter.section("releases: final state, failed requests, time")
    for one in OUTCOMES:
        terminalreporter.write_line(one.line)
    if os.environ.get("INSIGHT_RECORD") == "1":
        PAGE.write_text(recorded(PAGE.read_text(encoding="utf-8"), OUTCOMES), encoding="utf-8")
