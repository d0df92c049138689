"""What is told of a release afterwards and while it runs: what changed, how it was judged. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from insightengine.application.policy import Approval
from insightengine.core.identity import is_another, why_not_another
from insightengine.release.models import Kind, Label, StepKind
from insightengine.release.observed import Goal
from insightengine.stores.journal.port import Entry, Json, Phase


class Part(StrEnum):
    """Of what a release is made."""

    ARTEFACT = "artefact"
    CONFIG = "config"
    SECRET = "secret"  # noqa: S105 -- a kind of thing
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs from the release before; None where there is none on that side."""

    part: Part
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict of the gates, as the engine stored it beside the step that asked for it."""

    step: str
    at: datetime
    verdict: Json


@dataclass(frozen=True, slots=True)
class NoReturn:
    """The step after which the release before cannot come back by itself, and why."""

    step: str
    reason: str
    passed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What two releases are compared by; `config` is a digest."""

    content: Json
    config: str


def changes_between(after: Parts, before: Parts | None) -> tuple[Change, ...]:
    """Artefacts first, then configuration, secrets and schema; without a release before, all."""
    found: list[Change] = []
    for part, key in ((Part.ARTEFACT, "artefacts"), (Part.SECRET, "secrets")):
        old = _texts(before.content.get(key)) if before else {}
        found += _differing(part, _texts(after.content.get(key)), old)
    if before is None or after.config != before.config:
        config = Change(
            Part.CONFIG, "compose file", before.config if before else None, after.config
        )
        found.insert(sum(one.part is Part.ARTEFACT for one in found), config)
    old = _texts(before.content.get("schema")) if before else {}
    return (*found, *_differing(Part.SCHEMA, _texts(after.content.get("schema")), old))


def _differing(part: Part, after: Mapping[str, str], before: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted({*after, *before}):
        if after.get(name) != before.get(name):
            yield Change(part, name, before.get(name), after.get(name))


def _texts(value: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def judged(entries: Sequence[Entry]) -> tuple[Judged, ...]:
    """Every verdict in the order in which it was given: passed, failed and undecided ones."""
    found: list[Judged] = []
    for entry in entries:
        verdict = entry.detail.get("verdict")
        if isinstance(verdict, Mapping):
            found.append(Judged(entry.step, entry.at, verdict))
    return tuple(found)


def point_of_no_return(goal: Goal, entries: Sequence[Entry]) -> NoReturn | None:
    """None for a release that can be taken back from anywhere."""
    if goal.kind is Kind.DEPLOY and goal.label is Label.FORWARD_ONLY and goal.has_migrations:
        why = "; ".join(goal.breaking) or "its migrations cannot be undone"
        return NoReturn(StepKind.MIGRATE, why, _begun(StepKind.MIGRATE, entries))
    if goal.kind is Kind.ROLLBACK and goal.takes_schema_back:
        why = "the schema is taken back, and with it what only the newer one could hold"
        return NoReturn(StepKind.MIGRATE_DOWN, why, _begun(StepKind.MIGRATE_DOWN, entries))
    return None


def _begun(step: StepKind, entries: Sequence[Entry]) -> datetime | None:
    intents = (e.at for e in entries if e.step == step and e.phase is Phase.INTENT)
    return next(intents, None)


def refusal_of_approval(goal: Goal, by: str) -> str | None:
    """Why somebody's agreement would not count, or None."""
    if goal.approval is Approval.ANOTHER and not is_another(by, goal.asked_by):
        return why_not_another(by, goal.asked_by)
    return None


def traffic_window(
    entries: Sequence[Entry], ended_at: datetime | None, now: datetime
) -> tuple[datetime, datetime, datetime] | None:
    """Since when and until when to compare both releases, and when visitors moved in between.

    As long before the move as after it, within 2 and 30 minutes; None before any visitor moved.
    """
    moving = (StepKind.CANARY.value, StepKind.SWITCH.value)
    moved = [
        e.at for e in entries if e.phase is Phase.INTENT and e.step.partition(":")[0] in moving
    ]
    if not moved:
        return None
    after_s = ((ended_at or now) - moved[0]).total_seconds()
    around = timedelta(seconds=min(1800.0, max(120.0, after_s)))
    return moved[0] - around, moved[0], min(now, moved[0] + around)
