"""What is told of a release: what changed, how it was judged, from where it cannot come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from insightengine.application.policy import Approval
from insightengine.release.history import (
    Part,
    Parts,
    changes_between,
    judged,
    point_of_no_return,
    refusal_of_approval,
    traffic_window,
)
from insightengine.release.models import Kind, Label
from insightengine.release.observed import Goal
from insightengine.stores.journal.port import Entry, Json, Phase

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
OLD = Parts(
    {"artefacts": {"web": "a1", "jobs": "j1"}, "secrets": {"key": "s1"}, "schema": {"web": "0001"}},
    "c1",
)


def entry(seq: int, step: str, phase: Phase, detail: Json | None = None) -> Entry:
    return Entry(seq, 1, NOON + timedelta(seconds=seq), step, phase, detail or {})


def test_the_same_parts_are_no_change() -> None:
    assert changes_between(OLD, OLD) == ()


def test_every_part_that_differs_is_named_with_both_sides() -> None:
    new = Parts(
        {
            "artefacts": {"web": "a2", "mail": "m1"},
            "secrets": {"key": "s2"},
            "schema": {"web": "0002"},
        },
        "c2",
    )
    found = [(one.part, one.name, one.before, one.after) for one in changes_between(new, OLD)]
    assert found == [
        (Part.ARTEFACT, "jobs", "j1", None),
        (Part.ARTEFACT, "mail", None, "m1"),
        (Part.ARTEFACT, "web", "a1", "a2"),
        (Part.CONFIG, "compose file", "c1", "c2"),
        (Part.SECRET, "key", "s1", "s2"),
        (Part.SCHEMA, "web", "0001", "0002"),
    ]


def test_a_first_release_brings_everything() -> None:
    assert {one.part for one in changes_between(OLD, None)} == set(Part)
    assert all(one.before is None for one in changes_between(OLD, None))


def test_failed_and_passed_verdicts_are_told_in_their_order() -> None:
    entries = [
        entry(1, "watch:10", Phase.DONE, {"verdict": {"outcome": "pass"}}),
        entry(2, "watch", Phase.FAILED, {"message": "x", "verdict": {"outcome": "fail"}}),
        entry(3, "health", Phase.DONE),
    ]
    assert [(one.step, one.verdict["outcome"]) for one in judged(entries)] == [
        ("watch:10", "pass"),
        ("watch", "fail"),
    ]


def test_a_forward_only_migration_is_the_point_of_no_return() -> None:
    goal = Goal(
        Kind.DEPLOY,
        "new",
        "old",
        has_migrations=True,
        label=Label.FORWARD_ONLY,
        breaking=("drops orders.note",),
    )
    before = point_of_no_return(goal, [])
    assert before is not None
    assert (before.step, before.reason, before.passed_at) == ("migrate", "drops orders.note", None)
    after = point_of_no_return(goal, [entry(4, "migrate", Phase.INTENT)])
    assert after is not None
    assert after.passed_at == NOON + timedelta(seconds=4)


@pytest.mark.parametrize("label", [Label.INSTANT, Label.WITH_DOWN])
def test_what_can_be_taken_back_has_no_such_point(label: Label) -> None:
    assert (
        point_of_no_return(Goal(Kind.DEPLOY, "new", has_migrations=True, label=label), []) is None
    )


def test_approval_of_another_person_is_asked_of_another_person() -> None:
    goal = Goal(Kind.DEPLOY, "new", approval=Approval.ANOTHER, asked_by="ada@example.org")
    assert refusal_of_approval(goal, "bob@example.org") is None
    assert "asked for it" in (refusal_of_approval(goal, "ADA@example.org") or "")
    assert "not known" in (refusal_of_approval(goal, "os:root") or "")
    anybody = Goal(Kind.DEPLOY, "new", approval=Approval.ANYBODY, asked_by="ada@example.org")
    assert refusal_of_approval(anybody, "ada@example.org") is None


def test_nothing_is_compared_before_a_visitor_moved() -> None:
    assert traffic_window([entry(1, "health", Phase.DONE)], None, NOON) is None


def test_as_long_before_the_move_as_after_it_is_compared() -> None:
    entries = [entry(0, "canary:5", Phase.INTENT), entry(60, "switch", Phase.INTENT)]
    ended = NOON + timedelta(minutes=5)
    window = traffic_window(entries, ended, NOON + timedelta(hours=3))
    assert window == (NOON - timedelta(minutes=5), NOON, ended)


def test_a_watch_of_days_is_compared_over_half_an_hour() -> None:
    later = NOON + timedelta(days=2)
    window = traffic_window([entry(0, "switch", Phase.INTENT)], None, later)
    assert window == (NOON - timedelta(minutes=30), NOON, NOON + timedelta(minutes=30))
