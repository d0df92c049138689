"""The verbs of releases, the same for the command line and the API: ask, approve, cancel, look."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from insightengine.core.errors import ConflictError, NotFoundError
from insightengine.core.settings import StateFolder
from insightengine.edge.control import NginxEdge
from insightengine.edge.models import EdgePaths
from insightengine.release.codec import goal_from_json
from insightengine.release.models import Kind, OperationState
from insightengine.release.plan import Steps, Waits, plan
from insightengine.release.run import Run
from insightengine.release.service import ACCEPT, ReleaseService
from insightengine.stores.journal.port import (
    Agreed,
    Asked,
    Entry,
    Journal,
    Lease,
    Operation,
    StoredRelease,
    UnitState,
)
from insightengine.wiring.compose_files import find_compose_file, find_overlay, read_compose
from insightengine.wiring.environment import (
    PlatformContext,
    project_variables,
    written_variables,
)
from insightengine.wiring.release import looking_means, open_journal, request_of

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a person asks for. `file` is None for the Compose file of the project."""

    project: Path
    by: str
    file: Path | None = None
    profiles: tuple[str, ...] = ()
    message: str = ""
    skip_checks: bool = False
    forward_only: bool = False


def whoami() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def journal_of(context: PlatformContext) -> Journal:
    """Raises NotFoundError where nothing was ever released."""
    if not (context.state.releases / "journal.sqlite").exists():
        raise NotFoundError(
            f"no platform with an application was started in {context.state.root.parent}",
            code="not_running",
            hint="insight up",
        )
    return open_journal(context)


def ask_deployment(context: PlatformContext, wanted: Deployment) -> Operation:
    """Queues it for the releaser. Raises ConflictError while another one is under way."""
    file = wanted.file or find_compose_file(wanted.project)
    if file is None:
        raise NotFoundError(
            f"there is no Compose file in {wanted.project}", hint="name it: --file FILE"
        )
    variables = {**project_variables(file.parent), **project_variables(wanted.project)}
    overlay = find_overlay(file.resolve(), context.settings.environment)
    parameters = request_of(
        read_compose(file),
        file.resolve(),
        variables,
        wanted.profiles,
        overlay,
        context.settings.runtime,
    )
    parameters |= {"skip_checks": wanted.skip_checks, "forward_only": wanted.forward_only}
    journal = open_journal(context)
    unit = unit_name(parameters)
    asked = Asked(unit, Kind.DEPLOY.value, wanted.by, wanted.message, parameters)
    return journal.ask(asked, datetime.now(UTC))


def ask_redeployment(
    context: PlatformContext, by: str, message: str, *, forward_only: bool = False
) -> Operation:
    """The same file as the release that serves, as it is now. Raises NotFoundError before any."""
    journal = journal_of(context)
    unit = only_unit(journal)
    serving = journal.unit(unit).serving
    if serving is None:
        raise NotFoundError("nothing was released yet", hint="insight deploy")
    before = journal.release(unit, serving).config
    file = Path(str(before["file"]))
    kept, profiles = before["variables"], before["profiles"]
    known = {str(k): str(v) for k, v in kept.items()} if isinstance(kept, Mapping) else {}
    named = tuple(map(str, profiles)) if isinstance(profiles, list) else ()
    environment = context.settings.environment
    written = {
        **written_variables(file.parent, environment),
        **written_variables(context.state.root.parent, environment),
    }
    overlay = find_overlay(file, environment)
    parameters = request_of(
        read_compose(file),
        file,
        {**known, **written},
        named,
        overlay,
        context.settings.runtime,
    )
    parameters["forward_only"] = forward_only
    asked = Asked(unit, Kind.DEPLOY.value, by, message, parameters)
    return journal.ask(asked, datetime.now(UTC))


def unit_name(parameters: Mapping[str, object]) -> str:
    from insightengine.wiring.release import read_request

    return read_request(parameters)[0].application.name


def ask_rollback(
    context: PlatformContext, unit: str | None, release: str | None, by: str
) -> Operation:
    journal = journal_of(context)
    name = unit or only_unit(journal)
    if release:
        release = journal.release(name, release).id
    parameters = {"release": release or ""}
    return journal.ask(Asked(name, Kind.ROLLBACK.value, by, "", parameters), datetime.now(UTC))


def ask_retirement(context: PlatformContext, by: str) -> Operation:
    """Ends the rollback window now."""
    journal = journal_of(context)
    state = journal.unit(only_unit(journal))
    if state.warm is None:
        raise ConflictError(f"{state.unit}: no colour is kept warm", code="nothing_warm")
    from dataclasses import replace

    journal.remember(replace(state, warm_until=datetime.now(UTC)))
    return journal.ask(Asked(state.unit, Kind.RETIRE.value, by), datetime.now(UTC))


def only_unit(journal: Journal) -> str:
    """The application of this platform. Raises NotFoundError before the first release."""
    names = [one.unit for one in journal.units()] or [one.unit for one in journal.active()]
    if not names:
        raise NotFoundError("nothing was released yet", hint="insight deploy")
    return names[0]


def active_operation(journal: Journal) -> Operation:
    found = journal.active()
    if not found:
        raise NotFoundError("no release is under way", hint="insight releases")
    return found[0]


def cancel(context: PlatformContext, by: str, operation: int | None = None) -> Operation:
    journal = journal_of(context)
    number = operation if operation is not None else active_operation(journal).id
    return journal.cancel(number, by)


def approve(
    context: PlatformContext, release: str, by: str, why: str, operation: int | None = None
) -> Agreed:
    """Agrees to the plan of a waiting release, or accepts what the gates could not decide."""
    journal = journal_of(context)
    found = [one for one in journal.active() if operation in (None, one.id)]
    for one in found:
        if one.release is None or not one.release.startswith(release):
            continue
        wanted = ACCEPT if one.held is not None else _waiting_plan(context, journal, one)
        agreed = Agreed(one.id, wanted, by, datetime.now(UTC), why)
        journal.agree(agreed)
        return agreed
    raise NotFoundError(
        f"release {release} does not wait for anybody",
        hint="insight releases; insight release show",
    )


def _waiting_plan(context: PlatformContext, journal: Journal, operation: Operation) -> str:
    if operation.facts is None:
        raise ConflictError("it is still being built", hint="insight release watch")
    means = looking_means(context, journal)
    service = ReleaseService(means)
    run = Run(means, Lease(operation.unit, 0), operation)
    found = plan(goal_from_json(operation.facts), service.observe(run), datetime.now(UTC))
    if isinstance(found, Waits) and found.plan is not None:
        return found.plan
    raise ConflictError(f"release {operation.release} needs no approval now", code="no_approval")


def planned_steps(context: PlatformContext, operation: Operation) -> list[str]:
    """What is left to do of an operation; nothing when it is over."""
    if operation.facts is None or OperationState(operation.state).is_over:
        return []
    means = looking_means(context)
    run = Run(means, Lease(operation.unit, 0), operation)
    goal = goal_from_json(operation.facts)
    found = plan(goal, ReleaseService(means).observe(run), datetime.now(UTC))
    return [step.key for step in found.steps] if isinstance(found, Steps) else []


def follow(journal: Journal, operation: int, after: int = 0) -> Iterator[Entry | Operation]:
    """Entries as they come, and the operation whenever its state changes; ends when it is over
    or waits for a person."""
    state = ""
    while True:
        now = journal.operation(operation)
        for entry in journal.entries(operation, after):
            after = entry.seq
            yield entry
        if now.state != state:
            state = now.state
            yield now
        if OperationState(state).is_over or state in (OperationState.WAITING, OperationState.HELD):
            return
        time.sleep(_POLL_S)


def set_maintenance(context: PlatformContext, by: str, *, on: bool) -> UnitState:
    journal = journal_of(context)
    name = only_unit(journal)
    edge = NginxEdge(EdgePaths.of(context.state))
    (edge.close if on else edge.open)(name)
    state = journal.unit(name)
    from dataclasses import replace

    after = replace(
        state,
        maintenance_by=by if on else None,
        maintenance_since=datetime.now(UTC) if on else None,
    )
    journal.remember(after)
    return after


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


def summaries(journal: Journal, unit: str | None = None) -> list[ReleaseSummary]:
    found: list[ReleaseSummary] = []
    for stored in journal.releases(unit):
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


def shown_operation(operation: Operation) -> dict[str, object]:
    """An operation without its parameters, which hold the variables of the environment."""
    hidden = {"parameters", "facts"}
    return {name: value for name, value in asdict(operation).items() if name not in hidden}


def has_released(state: StateFolder) -> bool:
    with suppress(OSError):
        return (state.releases / "journal.sqlite").exists()
    return False
