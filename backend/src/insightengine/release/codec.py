"""Goals and failures as JSON, for the journal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from insightengine.application.policy import Approval, Hook
from insightengine.release.models import Failure, Kind, Label
from insightengine.release.observed import Goal
from insightengine.stores.journal.port import Json


def goal_to_json(goal: Goal) -> Json:
    values = asdict(goal)
    values["hooks"] = sorted(goal.hooks)
    return values


def goal_from_json(values: Json) -> Goal:
    given: dict[str, Any] = dict(values)
    for name in ("canary", "unchecked", "unsafe", "breaking"):
        given[name] = tuple(given[name])
    given["hooks"] = frozenset(Hook(one) for one in given["hooks"])
    given["kind"] = Kind(given["kind"])
    given["label"] = Label(given["label"])
    given["approval"] = Approval(given["approval"])
    return Goal(**given)


def failure_to_json(failure: Failure) -> Json:
    return asdict(failure)


def failure_from_json(values: Json) -> Failure:
    given: dict[str, Any] = dict(values)
    return Failure(**given)
