"""The verbs of releases, the same for the command line and the API: ask, approve, cancel, look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from insightengine.core.errors import ConflictError, NotFoundError
from insightengine.core.released import Released
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgePaths
from insightengine.release.codec import goal_from_json
from insightengine.release.models import OperationState
from insightengine.release.plan import Preview, Waits, plan, preview
from insightengine.release.retention import Surplus
from insightengine.release.run import Run
from insightengine.release.service import ACCEPT, ReleaseService
from insightengine.release.tidy import find_surplus, remove
from insightengine.stores.journal.port import (
    Agreed,
    Journal,
    Lease,
    Operation,
    StoredRelease,
    UnitState,
)
from insightengine.wiring.console_release import looking_means_for, means_for
from insightengine.wiring.environment import PlatformContext
from insightengine.wiring.operations import CONSOLE, application_states
from insightengine.wiring.operations import active_operation as active_operation
from insightengine.wiring.operations import ask_retirement as ask_retirement
from insightengine.wiring.operations import ask_rollback as ask_rollback
from insightengine.wiring.operations import cancel as cancel
from insightengine.wiring.operations import follow as follow
from insightengine.wiring.operations import has_released as has_released
from insightengine.wiring.operations import journal_of as journal_of
from insightengine.wiring.operations import only_unit as only_unit
from insightengine.wiring.operations import open_journal as open_journal
from insightengine.wiring.operations import shown_operation as shown_operation
from insightengine.wiring.operations import unit_of as name_of
from insightengine.wiring.operations import whoami as whoami
from insightengine.wiring.release_history import require_approver
from insightengine.wiring.requests import Deployment as Deployment
from insightengine.wiring.requests import ask_deployment as ask_deployment
from insightengine.wiring.requests import ask_redeployment as ask_redeployment

_PRUNE_S = 600.0


def approve(
    context: PlatformContext,
    release: str,
    by: str,
    why: str,
    operation: int | None = None,
    expected: str | None = None,
) -> Agreed:
    """Agrees to the plan of a waiting release, or accepts what the gates could not decide.

    `expected` is the hash of the plan that was looked at, `accept` for what the gates could not
    decide. Raises ConflictError when it is another
    one now, AccessDeniedError where the policy wants somebody else than who asked.
    """
    journal = journal_of(context)
    found = [one for one in journal.active() if operation in (None, one.id)]
    for one in found:
        if one.release is None or not one.release.startswith(release):
            continue
        require_approver(one, by)
        wanted = ACCEPT if one.held is not None else _waiting_plan(context, journal, one)
        if expected is not None and expected != wanted:
            raise ConflictError(
                f"the plan of release {one.release} is {wanted} now, not {expected}",
                code="plan_changed",
                hint="look at it again: insight release show",
            )
        agreed = Agreed(one.id, wanted, by, datetime.now(UTC), why)
        journal.agree(agreed)
        return agreed
    raise NotFoundError(
        f"release {release} does not wait for anybody",
        hint="insight releases; insight release show",
    )


def preview_of(context: PlatformContext, operation: Operation) -> Preview | None:
    """What an operation that was built and inspected would do; None before that."""
    if operation.facts is None:
        return None
    means = looking_means_for(context, operation.unit)
    run = Run(means, Lease(operation.unit, 0), operation)
    now = datetime.now(UTC)
    return preview(goal_from_json(operation.facts), ReleaseService(means).observe(run), now)


def prune(
    context: PlatformContext, released: Released = Released.APPLICATION, *, dry_run: bool = False
) -> Surplus:
    """Removes the releases and artefacts that are no longer kept, or only names them.

    Raises ConflictError while a release is under way.
    """
    journal = journal_of(context)
    unit = name_of(journal, released)
    means = means_for(context, unit, journal)
    if dry_run:
        return find_surplus(means, unit, means.now())
    lease = None if journal.active(unit) else journal.take(unit, _PRUNE_S)
    if lease is None:
        raise ConflictError(
            f"{unit}: a release is under way",
            code="release_in_progress",
            hint="insight release watch",
        )
    try:
        return remove(means, unit, find_surplus(means, unit, means.now()))
    finally:
        journal.give_back(lease)


def _waiting_plan(context: PlatformContext, journal: Journal, operation: Operation) -> str:
    if operation.facts is None:
        raise ConflictError("it is still being built", hint="insight release watch")
    means = looking_means_for(context, operation.unit, journal)
    service = ReleaseService(means)
    run = Run(means, Lease(operation.unit, 0), operation)
    found = plan(goal_from_json(operation.facts), service.observe(run), datetime.now(UTC))
    if isinstance(found, Waits) and found.plan is not None:
        return found.plan
    raise ConflictError(f"release {operation.release} needs no approval now", code="no_approval")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left to do, whoever has to agree first; `plan` is what an approval has to name."""

    left: tuple[str, ...] = ()
    plan: str | None = None


def outlook(context: PlatformContext, operation: Operation) -> Outlook:
    """Nothing when it is over; without a plan while it waits for nobody."""
    state = OperationState(operation.state)
    found = None if state.is_over else preview_of(context, operation)
    if found is None:
        return Outlook()
    waits = state in (OperationState.WAITING, OperationState.HELD)
    plan_ = ACCEPT if operation.held is not None else found.hash
    return Outlook(tuple(step.key for step in found.steps), plan_ if waits else None)


def set_maintenance(context: PlatformContext, by: str, *, on: bool) -> UnitState:
    journal = journal_of(context)
    name = only_unit(journal)
    edge = NginxEdge(EdgePaths.of(context.state))
    (edge.close if on else edge.open)(name)
    return journal.maintain(name, by if on else None, datetime.now(UTC) if on else None)


def state_of(journal: Journal, released: Released) -> UnitState | None:
    """None before the application's first release."""
    if released is Released.CONSOLE:
        return journal.unit(CONSOLE)
    return next(iter(application_states(journal)), None)


def operations(
    journal: Journal, released: Released, before: int | None, limit: int
) -> Sequence[Operation]:
    """The newest first; `before` is the last one seen."""
    if released is Released.CONSOLE:
        return journal.operations(CONSOLE, before, limit)
    return journal.operations(None, before, limit, besides=CONSOLE)


@dataclass(frozen=True, slots=True)
class ReleaseSummary:
    """A release of the catalogue as it is shown: nothing of its environment."""

    id: str
    unit: str
    created_at: datetime
    created_by: str
    message: str
    state: str  # serving, warm, kept
    served_since: datetime | None
    label: str
    migrations: tuple[str, ...]
    artefacts: Mapping[str, str]


def summaries(journal: Journal, released: Released = Released.APPLICATION) -> list[ReleaseSummary]:
    found: list[ReleaseSummary] = []
    for stored in journal.releases():
        if (stored.unit == CONSOLE) is not (released is Released.CONSOLE):
            continue
        state = journal.unit(stored.unit)
        served = dict(reversed(journal.served(stored.unit)))
        found.append(_summary(stored, state, served.get(stored.id)))
    return found


def _summary(
    stored: StoredRelease, state: UnitState, served_since: datetime | None
) -> ReleaseSummary:
    what = (
        "serving" if stored.id == state.serving else "warm" if stored.id == state.warm else "kept"
    )
    migrations = stored.content.get("migrations", [])
    artefacts = stored.content.get("artefacts", {})
    return ReleaseSummary(
        stored.id,
        stored.unit,
        stored.created_at,
        stored.created_by,
        stored.message,
        what,
        served_since,
        str(stored.content.get("label", "")),
        tuple(map(str, migrations)) if isinstance(migrations, list) else (),
        {str(k): str(v) for k, v in artefacts.items()} if isinstance(artefacts, Mapping) else {},
    )
