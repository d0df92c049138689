"""Starts the supervisor again whenever it dies while `wanted.json` still stands.

A process of its own, as small as possible, in a session of its own. The supervisor in turn starts
a new warden when this one dies, so that a single kill of either heals by itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import time
from pathlib import Path

from insightengine.core.settings import StateFolder
from insightengine.runtimes.local.records import alive_records, read_record, write_own_record

_SUPERVISOR = "insightengine.worker.supervisor"
_WARDEN = "insightengine.worker.warden"
_LONGEST_PAUSE_S = 5.0
_LOOK_S = 1.0


def start(state: StateFolder) -> None:
    """Starts a warden that outlives the caller."""
    _detached(state, _WARDEN, "warden")


def run(state: StateFolder) -> None:
    """Returns when the platform was stopped in order, or another warden took over."""
    other = read_record(state.run, "warden")
    if other is not None and other.is_alive():
        return
    own = write_own_record(state.run, "warden")
    pause_s = 0.1
    while (state.run / "wanted.json").exists():
        _reap()
        now = read_record(state.run, "warden")
        if now is None or now.pid != own.pid:
            return
        supervisor = alive_records(state.run).get("supervisor")
        if supervisor is not None:
            _wait_for_end(supervisor.pid, _LOOK_S)
            pause_s = 0.1
            continue
        _detached(state, _SUPERVISOR, "supervisor")
        _wait_for_record(state, pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
    (state.run / "warden.pid.json").unlink(missing_ok=True)


def _reap() -> None:
    """Takes leave of supervisors that ended; ignoring SIGCHLD instead would be inherited."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def _wait_for_end(pid: int, limit_s: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [], limit_s)
        finally:
            os.close(descriptor)


def _wait_for_record(state: StateFolder, least_s: float) -> None:
    """Gives a new supervisor time to record itself, so that no second one is started."""
    deadline = time.monotonic() + 5.0
    time.sleep(least_s)
    while time.monotonic() < deadline and "supervisor" not in alive_records(state.run):
        time.sleep(0.05)


def _detached(state: StateFolder, module: str, name: str) -> None:
    log = Path(state.logs / f"{name}.log")
    with log.open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", module],
            env={**_plain_environment(), "INSIGHT_STATE": str(state.root)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def _plain_environment() -> dict[str, str]:
    kept = ("PATH", "LANG", "HOME", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
    return {name: os.environ[name] for name in kept if name in os.environ}
