"""Who may approve, by the facts that the journal keeps of an operation."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from insightengine.application.policy import Approval
from insightengine.core.errors import AccessDeniedError
from insightengine.release.codec import goal_to_json
from insightengine.release.models import Kind
from insightengine.release.observed import Goal
from insightengine.stores.journal.port import Operation
from insightengine.wiring.release_history import require_approver

ADA = "ada@example.org"


def waiting(approval: Approval, held: str | None = None) -> Operation:
    goal = Goal(Kind.DEPLOY, "7f3a", approval=approval, asked_by=ADA)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    facts = goal_to_json(goal)
    return Operation(
        1, "web", "deploy", "waiting", ADA, at, "", {}, release="7f3a", facts=facts, held=held
    )


@pytest.mark.parametrize("by", [ADA, "Ada@Example.org", "os:root"])
def test_nobody_approves_their_own_release_through_either_door(by: str) -> None:
    with pytest.raises(AccessDeniedError) as error:
        require_approver(waiting(Approval.ANOTHER), by)
    assert error.value.code == "own_release"
    assert "INSIGHT_USER" in (error.value.hint or "")


def test_another_person_approves() -> None:
    require_approver(waiting(Approval.ANOTHER), "bob@example.org")


def test_anybody_approves_where_the_policy_says_so() -> None:
    require_approver(waiting(Approval.ANYBODY), ADA)


def test_what_the_gates_could_not_decide_is_for_anybody_who_operates() -> None:
    require_approver(waiting(Approval.ANOTHER, held="too few requests"), ADA)
