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
from tests.scenarios.release.outcomes import OUTCOMES, outcome

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
def serving(engine: Engine | None, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """Version 1 serves as the first release."""
    LOADS.clear()
    with ground(engine=engine) as one:
        first = one.deploy(quick=True, version="1")
        assert first.state == "done", one.story(first)
        yield one
        OUTCOMES.append(outcome(request.node.name, one))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if OUTCOMES:
        terminalreporter.section("releases: final state, time, failed requests")
        for line in OUTCOMES:
            terminalreporter.write_line(line)
