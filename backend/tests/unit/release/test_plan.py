"""The plan of a release: what it does, what it refuses, and that interruptions change nothing."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.application.policy import Approval, Hook
from insightengine.core.colours import Colour
from insightengine.release.models import ColourState, Failure, Kind, Label, Step, StepKind
from insightengine.release.observed import Agreement, ColourFacts, Goal, Observed, Progress
from insightengine.release.plan import (
    NoChange,
    Refused,
    Steps,
    Waits,
    colour_state,
    plan,
    plan_hash,
    preview,
)
from tests.unit.release.world import NEW, NOW, OLD, Killed, World, without_journal, world

BLUE, GREEN = Colour.BLUE, Colour.GREEN
PLAIN = Goal(Kind.DEPLOY, NEW, previous=OLD)
FULL = Goal(
    Kind.DEPLOY,
    NEW,
    previous=OLD,
    hooks=frozenset(Hook),
    canary=(5, 50),
    has_migrations=True,
    has_down=True,
    label=Label.WITH_DOWN,
    has_smoke=True,
    has_singles=True,
    has_tests=True,
)
FIRST = Goal(Kind.DEPLOY, NEW, has_migrations=True, has_singles=True)
BACK = Goal(Kind.ROLLBACK, NEW, previous=OLD, checks=False, stays_warm=False, has_singles=True)


def keys(found: object) -> list[str]:
    assert isinstance(found, Steps), found
    return [step.key for step in found.steps]


def test_a_release_starts_the_idle_colour_checks_it_and_then_switches() -> None:
    assert keys(world(PLAIN).plan()) == [
        *("provision", "start", "edge", "health", "switch", "prove", "watch", "finish")
    ]


def test_everything_that_an_application_asks_for_has_its_place() -> None:
    one = world(FULL, warm="00000000")
    assert keys(plan(FULL, one.observed, NOW + timedelta(minutes=6))) == [
        "provision",
        "restore-point",
        "hook:before-migrate",
        "migrate",
        "verify-old",
        "unwarm",
        "drain:idle",
        "stop",
        "start",
        "edge",
        "health",
        "smoke",
        "hook:before-switch",
        "canary:5",
        "watch:5",
        "canary:50",
        "watch:50",
        "switch",
        "prove",
        "replace",
        "hook:after-switch",
        "tests",
        "watch",
        "finish",
    ]


def test_the_first_release_has_nothing_to_compare_with_or_to_drain() -> None:
    found = keys(world(FIRST, serving=False).plan())
    assert "verify-old" not in found
    assert [key for key in found if key.startswith("drain")] == []
    finished = world(FIRST, serving=False)
    assert isinstance(finished.run(), NoChange)
    assert finished.observed.serving is BLUE


def test_what_serves_already_is_no_change() -> None:
    same = replace(PLAIN, release=OLD)
    assert world(same).plan() == NoChange(f"release {OLD} serves already")


def test_a_rollback_to_a_warm_colour_is_one_switch() -> None:
    one = world(BACK, warm=NEW)
    assert keys(one.plan())[:3] == ["edge", "health", "switch"]
    assert keys(one.plan())[-4:] == ["drain", "unwarm:old", "stop:old", "finish"]
    assert "start" not in keys(one.plan())
    one.run()
    assert (one.observed.serving, one.singles) == (GREEN, NEW)
    assert one.observed.of(BLUE).release is None, "what was rolled back from is not kept"


def test_a_rollback_further_back_starts_that_release_first() -> None:
    assert keys(world(BACK, warm="00000000").plan())[:5] == [
        *("unwarm", "drain:idle", "stop", "start", "edge")
    ]


def test_a_rollback_takes_back_what_its_code_cannot_run_on() -> None:
    one = world(replace(BACK, takes_schema_back=True), warm=NEW)
    one.schema = "new"
    one.run()
    assert one.schema == "old"


REFUSED = [
    (replace(PLAIN, unchecked=("web",)), "no_health_check"),
    (replace(BACK, schema_blocks="its tables are gone"), "schema_moved_on"),
    (replace(PLAIN, unsafe=("0003: adding-foreign-key-constraint",)), "unsafe_migration"),
    (replace(PLAIN, label=Label.FORWARD_ONLY, breaking=("0003: drop",)), "forward_only"),
]


@pytest.mark.parametrize(("goal", "code"), REFUSED)
def test_what_endangers_what_serves_is_refused_before_anything_is_done(
    goal: Goal, code: str
) -> None:
    found = world(goal).plan()
    assert isinstance(found, Refused)
    assert found.code == code
    assert f"release {OLD} still serves" in found.message
    assert found.hint


def test_a_migration_without_way_back_needs_to_be_wanted() -> None:
    goal = replace(PLAIN, label=Label.FORWARD_ONLY, accepts_forward_only=True)
    assert isinstance(world(goal).plan(), Steps)


@pytest.mark.parametrize("label", [Label.WITH_DOWN, Label.FORWARD_ONLY])
def test_a_contract_waits_until_no_older_code_may_come_back(label: Label) -> None:
    goal = replace(PLAIN, label=label, breaking=("drops users.name",), accepts_forward_only=True)
    one = world(goal, warm="00000000")
    found = one.plan()
    assert isinstance(found, Refused)
    assert found.code == "contract_too_early"
    later = plan(goal, one.observed, NOW + timedelta(minutes=6))
    assert isinstance(later, Steps)


@pytest.mark.parametrize(("goal", "code"), REFUSED)
def test_what_was_built_is_still_refused(goal: Goal, code: str) -> None:
    one = world(goal)
    built = Progress().begin("hook:before-build").begin("build:web").begin("inspect")
    one.observed = replace(one.observed, progress=built.succeed("inspect"))
    found = one.plan()
    assert isinstance(found, Refused)
    assert found.code == code


def test_the_first_release_may_lack_a_health_check() -> None:
    assert isinstance(world(replace(FIRST, unchecked=("web",)), serving=False).plan(), Steps)


def agreed(goal: Goal, by: str) -> World:
    one = world(goal)
    agreement = Agreement(plan_hash(goal, one.observed, GREEN), by)
    one.observed = replace(one.observed, agreements=(agreement,))
    return one


def test_an_approval_is_waited_for() -> None:
    goal = replace(PLAIN, approval=Approval.ANYBODY, asked_by="ada")
    waits = world(goal).plan()
    assert isinstance(waits, Waits)
    assert waits.plan in waits.reason
    assert isinstance(agreed(goal, "ada").plan(), Steps)


def test_who_approves_sees_the_steps_that_an_approval_lets_happen() -> None:
    goal = replace(PLAIN, approval=Approval.ANYBODY, asked_by="ada")
    after = agreed(goal, "bob").plan()
    assert isinstance(after, Steps)
    assert preview(goal, world(goal).observed, NOW).steps == after.steps


def test_nobody_approves_by_the_other_door_what_they_asked_for() -> None:
    goal = replace(PLAIN, approval=Approval.ANOTHER, asked_by="os:root")
    assert isinstance(agreed(goal, "admin@example.org").plan(), Waits)
    assert isinstance(agreed(goal, "os:ada").plan(), Steps)


def test_nobody_approves_their_own_where_another_is_asked_for() -> None:
    goal = replace(PLAIN, approval=Approval.ANOTHER, asked_by="ada")
    assert isinstance(agreed(goal, "ada").plan(), Waits)
    assert isinstance(agreed(goal, "bob").plan(), Steps)


@pytest.mark.parametrize(
    "changed",
    [{"release": "cccccccc"}, {"label": Label.WITH_DOWN}, {"canary": (5,)}, {"has_smoke": True}],
)
def test_an_approval_counts_for_the_unchanged_plan_only(changed: dict[str, object]) -> None:
    goal = replace(PLAIN, approval=Approval.ANYBODY)
    one = agreed(goal, "bob")
    one.goal = replace(goal, **changed)  # type: ignore[arg-type]
    assert isinstance(one.plan(), Waits)


def test_an_approval_outlives_the_end_of_a_rollback_window() -> None:
    goal = replace(PLAIN, approval=Approval.ANYBODY)
    one = world(goal, warm="00000000")
    agreement = Agreement(plan_hash(goal, one.observed, GREEN), "bob")
    later = replace(world(goal).observed, agreements=(agreement,))
    assert isinstance(plan(goal, later, NOW), Steps)


def test_what_the_gates_could_not_decide_waits_for_a_person() -> None:
    one = world(PLAIN)
    one.observed = replace(
        one.observed, progress=Progress().begin("start"), held="12 requests decide nothing"
    )
    waits = one.plan()
    assert isinstance(waits, Waits)
    assert "insight approve" in waits.hint
    one.observed = replace(one.observed, cancelled_by="ada")
    assert isinstance(one.plan(), Steps)


def test_the_warm_colour_is_stopped_when_its_window_is_over() -> None:
    one = world(Goal(Kind.RETIRE, OLD), warm="00000000")
    assert isinstance(one.plan(), NoChange)
    later = plan(one.goal, one.observed, NOW + timedelta(minutes=6))
    assert keys(later) == ["unwarm", "drain:idle", "stop", "finish"]
    assert isinstance(world(Goal(Kind.RETIRE, OLD)).plan(), NoChange)


SCENES = {
    "plain": lambda: world(PLAIN),
    "everything": lambda: world(FULL),
    "over a warm one": lambda: world(PLAIN, warm="00000000"),
    "first": lambda: world(FIRST, serving=False),
    "back to warm": lambda: world(BACK, warm=NEW),
    "back to cold": lambda: world(BACK),
}


def moments(scene: str) -> int:
    """How many points there are at which the releaser can die: three a step."""
    one = SCENES[scene]()
    one.run()
    return 3 * len(one.trace)


EVERY_MOMENT = [(scene, moment) for scene in SCENES for moment in range(moments(scene))]


@pytest.mark.parametrize(("scene", "moment"), EVERY_MOMENT)
def test_killed_at_any_moment_the_next_run_reaches_the_same(scene: str, moment: int) -> None:
    one, undisturbed = SCENES[scene](), SCENES[scene]()
    undisturbed.run()
    with pytest.raises(Killed):
        one.run(killed_at=moment)
    assert isinstance(one.run(), NoChange)
    assert without_journal(one.observed) == without_journal(undisturbed.observed)
    assert (one.schema, one.singles) == (undisturbed.schema, undisturbed.singles)


FAILING = [key for key in keys(world(FULL).plan()) if key != StepKind.FINISH]


@pytest.mark.parametrize("failing", FAILING)
def test_a_step_that_fails_is_taken_back_whole(failing: str) -> None:
    one = world(FULL)
    one.run(fails=frozenset({failing}))
    if failing in ("hook:after-switch", "hook:on-rollback", "drain:idle"):
        assert one.observed.serving is GREEN
        return
    assert_taken_back(one)


def assert_taken_back(one: World) -> None:
    assert one.observed.serving is BLUE
    assert one.observed.of(BLUE).release == OLD
    assert one.observed.of(GREEN).release is None
    assert (one.observed.share, one.observed.may_step_in) == (0, False)
    assert (one.schema, one.singles) == ("old", OLD)


@given(
    failing=st.sampled_from(FAILING),
    killed=st.lists(st.integers(0, 90), max_size=6),
    cancel_after=st.none() | st.integers(0, 90),
)
def test_failed_killed_and_cancelled_in_any_order_it_ends_with_one_of_both_serving(
    failing: str, killed: list[int], cancel_after: int | None
) -> None:
    one = world(FULL)
    for number, moment in enumerate(killed):
        if cancel_after is not None and number == cancel_after % 6:
            one.observed = replace(one.observed, cancelled_by="ada")
        try:
            one.run(fails=frozenset({failing}), killed_at=moment)
        except Killed:
            continue
    assert isinstance(one.run(fails=frozenset({failing})), NoChange)
    if StepKind.FINISH in one.observed.done:
        assert (one.observed.serving, one.schema, one.singles) == (GREEN, "new", NEW)
    else:
        assert_taken_back(one)


def test_an_old_schema_is_kept_when_the_old_code_runs_on_it() -> None:
    one = world(replace(FULL, label=Label.INSTANT))
    one.run(fails=frozenset({"watch"}))
    assert one.schema == "new"
    assert one.observed.serving is BLUE


def test_a_label_that_proved_wrong_takes_the_schema_back() -> None:
    one = world(replace(FULL, label=Label.INSTANT))
    one.run(fails=frozenset({"verify-old"}))
    assert one.schema == "old"


def test_the_only_serving_colour_stays_whatever_is_wrong_with_it() -> None:
    one = world(FIRST, serving=False)
    one.run(fails=frozenset({"watch"}))
    assert one.observed.serving is BLUE
    assert one.observed.of(BLUE).release == NEW


def test_a_colour_that_vanished_after_its_checks_is_started_and_checked_again() -> None:
    one = world(PLAIN)
    with pytest.raises(Killed):
        one.run(killed_at=3 * 4)
    assert "health" in one.observed.done
    one.observed = replace(one.observed, colours={BLUE: ColourFacts(OLD, 1)})
    one.checked.discard(GREEN)
    assert keys(one.plan())[:2] == ["start", "edge"]
    one.run()
    assert one.observed.serving is GREEN


def test_cancelled_before_it_began_nothing_is_done() -> None:
    one = world(PLAIN)
    one.observed = replace(one.observed, cancelled_by="ada")
    assert keys(one.plan()) == ["finish-failed"]


@pytest.mark.parametrize(
    ("goal", "left"),
    [
        (PLAIN, [ColourState.WARM]),
        (replace(PLAIN, stays_warm=False), [ColourState.DRAINING, ColourState.WARM]),
    ],
)
def test_states_of_colours_in_the_order_they_come(goal: Goal, left: list[ColourState]) -> None:
    one = world(goal)
    seen: list[tuple[ColourState, ColourState]] = []
    for moment in range(3, 40, 3):
        stage = copy.deepcopy(one)
        with contextlib.suppress(Killed):
            stage.run(killed_at=moment)
        states = [colour_state(colour, stage.observed, goal) for colour in (BLUE, GREEN)]
        if not seen or seen[-1] != tuple(states):
            seen.append((states[0], states[1]))
    gone = [] if goal.stays_warm else [(ColourState.ABSENT, ColourState.SERVING)]
    assert seen == [
        (ColourState.SERVING, ColourState.ABSENT),
        (ColourState.SERVING, ColourState.STARTING),
        (ColourState.SERVING, ColourState.HEALTHY),
        *((state, ColourState.SERVING) for state in left),
        *gone,
    ]


def test_a_failed_colour_is_told_as_failed() -> None:
    failed = Failure("health", "unhealthy", "it answers 503")
    observed = Observed(BLUE, colours={GREEN: ColourFacts(NEW, 1)}, failure=failed)
    assert colour_state(GREEN, observed, PLAIN) is ColourState.FAILED
    assert Step(StepKind.HOOK, "x").key == "hook:x"
