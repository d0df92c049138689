from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.errors import InvalidInputError
from insightengine.runtimes.local import plan
from insightengine.runtimes.port import ProcessSpec, RunningReady


def spec(name: str, *depends_on: str) -> ProcessSpec:
    return ProcessSpec(name, ("true",), Path("/"), {}, RunningReady(), depends_on)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, plan.Begin.START),
        (plan.Running(7, "same"), plan.Begin.ADOPT),
        (plan.Running(7, "other"), plan.Begin.REPLACE),
    ],
)
def test_a_process_is_adopted_only_when_it_was_started_from_the_same_spec(
    found: plan.Running | None, expected: plan.Begin
) -> None:
    assert plan.begin(found, "same") is expected


def test_the_pause_doubles_with_each_death_in_a_row() -> None:
    deaths: tuple[float, ...] = ()
    pauses = []
    for now in (0.0, 100.0, 200.0, 300.0):  # too far apart for a crash loop
        deaths, pause = plan.pause_after_death(deaths, 1.0, now, longest_s=30.0)
        pauses.append(pause.seconds)
    assert pauses == [0.2, 0.4, 0.8, 1.6]


def test_a_process_that_ran_long_starts_with_an_empty_history() -> None:
    deaths, pause = plan.pause_after_death((1.0, 2.0, 3.0), 61.0, 70.0, longest_s=30.0)
    assert deaths == (70.0,)
    assert pause == plan.Pause(0.2, crash_loop=False)


def test_five_deaths_within_a_minute_are_a_crash_loop() -> None:
    deaths: tuple[float, ...] = ()
    for now in (0.0, 10.0, 20.0, 30.0):
        deaths, pause = plan.pause_after_death(deaths, 1.0, now, longest_s=30.0)
        assert not pause.crash_loop
    _, pause = plan.pause_after_death(deaths, 1.0, 40.0, longest_s=30.0)
    assert pause == plan.Pause(30.0, crash_loop=True)


@given(
    st.lists(st.floats(0, 1e6), max_size=50),
    st.floats(0, 59),
    st.floats(1, 600),
)
def test_no_pause_is_longer_than_the_longest(
    deaths: list[float], ran_s: float, longest_s: float
) -> None:
    remembered, pause = plan.pause_after_death(tuple(sorted(deaths)), ran_s, 1e6, longest_s)
    assert 0 < pause.seconds <= longest_s
    assert len(remembered) <= 20


def test_processes_start_after_what_they_depend_on_and_stop_before_it() -> None:
    specs = (spec("api", "postgres", "valkey"), spec("postgres"), spec("valkey"), spec("edge"))
    assert plan.start_order(specs) == (("edge", "postgres", "valkey"), ("api",))
    assert plan.stop_order(specs) == (("api",), ("edge", "postgres", "valkey"))


def test_a_circle_of_dependencies_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="in a circle: a, b"):
        plan.start_order((spec("a", "b"), spec("b", "a"), spec("c")))


def test_an_unknown_dependency_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="a depends on ghost"):
        plan.start_order((spec("a", "ghost"),))


def test_what_runs_and_is_not_wanted_is_an_orphan() -> None:
    assert plan.orphans(["web.blue", "edge", "old.1"], ["edge", "web.blue"]) == ("old.1",)
