"""The state of the platform as it is shown, with the release that serves: the journal knows it."""

from __future__ import annotations

from typing import Any

from insightengine.core.errors import UnavailableError
from insightengine.core.places import StateFolder
from insightengine.runtimes.local.status import read_status
from insightengine.stores.journal.sqlite import SqliteJournal


def status_of(state: StateFolder) -> dict[str, Any] | None:
    """What the supervisor last wrote, with `stale`; None where it never did.

    `release` of the application is None before the first, and where the journal cannot be read.
    """
    status = read_status(state.run / "status.json")
    if status is None or status["application"] is None:
        return status
    application: dict[str, Any] = status["application"]
    serving = _serving(state, str(application["name"]))
    return {**status, "application": {**application, "release": serving}}


def _serving(state: StateFolder, unit: str) -> str | None:
    path = state.releases / "journal.sqlite"
    if not path.exists():
        return None
    try:
        journal = SqliteJournal(path)
    except UnavailableError:
        return None
    try:
        return journal.unit(unit).serving
    except UnavailableError:
        return None
    finally:
        journal.close()
