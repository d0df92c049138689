"""Operations of releases with everything that a person asks about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from insightengine.core.errors import AccessDeniedError
from insightengine.core.time import TimeRange
from insightengine.release.codec import goal_from_json
from insightengine.release.history import (
    Change,
    Judged,
    NoReturn,
    Parts,
    changes_between,
    judged,
    point_of_no_return,
    refusal_of_approval,
    traffic_window,
)
from insightengine.release.models import digest_of
from insightengine.stores.journal.port import Agreed, Entry, Journal, Operation, StoredRelease

_Catalogue = Mapping[tuple[str, str], StoredRelease]


@dataclass(frozen=True, slots=True)
class Listed:
    """An operation as a line of the timeline; `label` is that of its release's migrations."""

    operation: Operation
    label: str
    migrations: tuple[str, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """An operation with its journal. `refusal` is why the asking person's approval would not
    count; `moved_at` is when the first visitor came to the new release."""

    listed: Listed
    entries: tuple[Entry, ...]
    approvals: tuple[Agreed, ...]
    verdicts: tuple[Judged, ...]
    no_return: NoReturn | None
    refusal: str | None


def listed(journal: Journal, operations: Iterable[Operation]) -> list[Listed]:
    """What changed is told against the release that each replaced."""
    catalogue = {(one.unit, one.id): one for one in journal.releases()}
    return [_listed(catalogue, operation) for operation in operations]


def _listed(catalogue: _Catalogue, operation: Operation) -> Listed:
    stored = catalogue.get((operation.unit, operation.release or ""))
    if stored is None:
        return Listed(operation, "", (), ())
    before = catalogue.get((operation.unit, operation.previous or ""))
    is_same = operation.previous == operation.release
    changes = () if is_same else changes_between(_parts(stored), _parts(before) if before else None)
    migrations = stored.content.get("migrations")
    return Listed(
        operation,
        str(stored.content.get("label", "")),
        tuple(map(str, migrations)) if isinstance(migrations, list) else (),
        changes,
    )


def _parts(stored: StoredRelease) -> Parts:
    return Parts(stored.content, digest_of(stored.config)[:12])


def story(journal: Journal, operation: Operation, asking: str) -> Story:
    """`asking` is who looks at it."""
    entries = tuple(journal.entries(operation.id))
    goal = goal_from_json(operation.facts) if operation.facts else None
    return Story(
        listed(journal, [operation])[0],
        entries,
        tuple(journal.agreements(operation.id)),
        judged(entries),
        point_of_no_return(goal, entries) if goal else None,
        refusal_of_approval(goal, asking) if goal else None,
    )


def require_approver(operation: Operation, by: str) -> None:
    """Raises AccessDeniedError for somebody whose agreement would not count."""
    goal = goal_from_json(operation.facts) if operation.facts else None
    why = refusal_of_approval(goal, by) if goal and operation.held is None else None
    if why is not None:
        raise AccessDeniedError(
            f"release {operation.release} was asked for by {operation.asked_by}, and the "
            f"application's policy wants somebody else to approve it: {why}",
            code="own_release",
            hint="ask somebody else; at a terminal INSIGHT_USER tells your address",
        )


@dataclass(frozen=True, slots=True)
class Compared:
    """What to compare in the telemetry store."""

    range: TimeRange
    moved_at: datetime
    releases: tuple[str, ...]


def compared(journal: Journal, operation: Operation) -> Compared | None:
    """None before any visitor moved."""
    window = traffic_window(journal.entries(operation.id), operation.ended_at, datetime.now(UTC))
    if window is None or operation.release is None:
        return None
    since, moved_at, until = window
    found = (operation.release, *([operation.previous] if operation.previous else []))
    return Compared(TimeRange(since, until), moved_at, found)
