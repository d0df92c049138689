"""Ends a platform, whatever is left of it: orderly through its supervisor, else by its records."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable

from insightengine.core.errors import ConflictError, InsightError
from insightengine.core.settings import StateFolder
from insightengine.runtimes.local.control import ask
from insightengine.runtimes.local.records import Record, alive_records, kill_session

_ORDERLY_S = 60.0
_ALONE_S = 15.0


def end_everything(state: StateFolder) -> None:
    """Returns when no process of the platform runs any more. Idempotent.

    Raises ConflictError that names what could not be ended, for example for want of permission.
    """
    if "supervisor" in alive_records(state.run):
        with contextlib.suppress(InsightError):
            ask(state.run, {"verb": "stop"})
            _poll(lambda: "supervisor" not in alive_records(state.run), _ORDERLY_S)
    (state.run / "wanted.json").unlink(missing_ok=True)
    overseers = {n: r for n, r in alive_records(state.run).items() if n in ("supervisor", "warden")}
    _end(overseers)
    _end(alive_records(state.run))
    left = alive_records(state.run)
    if left:
        names = ", ".join(f"{name} (pid {record.pid})" for name, record in left.items())
        raise ConflictError(
            f"these could not be ended: {names}", hint="try as the user they run as"
        )


def _end(records: dict[str, Record]) -> None:
    """SIGINT is PostgreSQL's fast shutdown and ends everything else as SIGTERM does."""
    for name, record in records.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(record.pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    _poll(lambda: not any(record.is_alive() for record in records.values()), _ALONE_S)
    for record in records.values():
        with contextlib.suppress(PermissionError):
            kill_session(record.pid)
    _poll(lambda: not any(record.is_alive() for record in records.values()), 2.0)


def _poll(is_done: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if is_done():
            return True
        time.sleep(0.05)
    return False
