"""What needs the journal of releases alone: to ask, to cancel, to follow.

Nothing of the engine is imported here: a rollback is asked for as fast as Python starts.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from insightengine.core.errors import ConflictError, NotFoundError
from insightengine.core.identity import person_at_terminal
from insightengine.core.places import Located, StateFolder
from insightengine.core.released import Released
from insightengine.release.models import ACCEPT, Kind, OperationState
from insightengine.stores.journal.port import Asked, Entry, Journal, Operation, UnitState
from insightengine.stores.journal.sqlite import SqliteJournal

if TYPE_CHECKING:
    from insightengine.runtimes.local.specs import ServiceUser

CONSOLE = Released.CONSOLE.value  # the name of its unit; no application may be called so
_POLL_S = 0.1


def open_journal(context: Located, user: ServiceUser | None = None) -> SqliteJournal:
    """The journal of the project; root creates it for the services' user."""
    owner = (user.uid, user.gid) if user else _owner_of(context)
    return SqliteJournal(context.state.releases / "journal.sqlite", owner)


def _owner_of(context: Located) -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    run = context.state.run  # gone where only what is durable was brought back
    found = (run if run.exists() else context.state.root).stat()
    return found.st_uid, found.st_gid


def whoami() -> str:
    """Who types the command, by the rule of `core.identity`: whose process it is, or who called
    sudo."""
    uid = os.getuid()
    account = f"user {uid}"
    with suppress(KeyError):
        account = pwd.getpwuid(uid).pw_name
    behind = os.environ.get("SUDO_USER") if uid == 0 else None
    return person_at_terminal(os.environ.get("INSIGHT_USER"), account, behind)


def journal_of(context: Located) -> Journal:
    """Raises NotFoundError where nothing was ever released."""
    if not (context.state.releases / "journal.sqlite").exists():
        environment = context.state.root.name.removeprefix(".insight").removeprefix("-")
        raise NotFoundError(
            f"no platform with an application was started in {context.state.root}",
            code="not_running",
            hint=f"insight up --env {environment}" if environment else "insight up",
        )
    return open_journal(context)


def ask_rollback(context: Located, released: Released, release: str | None, by: str) -> Operation:
    journal = journal_of(context)
    name = unit_of(journal, released)
    if release:
        release = journal.release(name, release).id
    parameters = {"release": release or ""}
    return journal.ask(Asked(name, Kind.ROLLBACK.value, by, "", parameters), datetime.now(UTC))


def ask_retirement(context: Located, released: Released, by: str) -> Operation:
    """Ends the rollback window now."""
    journal = journal_of(context)
    state = journal.unit(unit_of(journal, released))
    if state.warm is None:
        raise ConflictError(f"{state.unit}: no colour is kept warm", code="nothing_warm")
    journal.remember(replace(state, warm_until=datetime.now(UTC)))
    return journal.ask(Asked(state.unit, Kind.RETIRE.value, by), datetime.now(UTC))


def only_unit(journal: Journal) -> str:
    """The application of this platform. Raises NotFoundError before the first release."""
    known = [one.unit for one in journal.units()] + [one.unit for one in journal.active()]
    names = [name for name in known if name != CONSOLE]
    if not names:
        raise NotFoundError("nothing was released yet", hint="insight deploy")
    return names[0]


def unit_of(journal: Journal, released: Released) -> str:
    """The name of the unit. Raises NotFoundError before the application's first release."""
    return CONSOLE if released is Released.CONSOLE else only_unit(journal)


def application_states(journal: Journal) -> list[UnitState]:
    """What is remembered of applications, which our own console is not."""
    return [state for state in journal.units() if state.unit != CONSOLE]


def active_operation(journal: Journal) -> Operation:
    found = journal.active()
    if not found:
        raise NotFoundError("no release is under way", hint="insight releases")
    return found[0]


def cancel(context: Located, by: str, operation: int | None = None) -> Operation:
    journal = journal_of(context)
    number = operation if operation is not None else active_operation(journal).id
    return journal.cancel(number, by)


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
        if OperationState(state).is_over or _waits(journal, now):
            return
        time.sleep(_POLL_S)


def _waits(journal: Journal, operation: Operation) -> bool:
    """For a person; what somebody has agreed to already, the releaser goes on with at once."""
    agreed = [one.plan for one in journal.agreements(operation.id)]
    if operation.state == OperationState.WAITING:
        return not any(plan in operation.summary for plan in agreed)
    return operation.state == OperationState.HELD and ACCEPT not in agreed


def shown_operation(operation: Operation) -> dict[str, object]:
    """An operation without its parameters, which hold the variables of the environment."""
    hidden = {"parameters", "facts"}
    return {name: value for name, value in asdict(operation).items() if name not in hidden}


def has_released(state: StateFolder) -> bool:
    with suppress(OSError):
        return (state.releases / "journal.sqlite").exists()
    return False
