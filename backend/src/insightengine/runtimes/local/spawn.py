"""Starts, watches and ends single processes. Linux: pidfds, sessions, /proc."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from insightengine.runtimes.local import launch
from insightengine.runtimes.local.records import kill_session, record_path, session_members
from insightengine.runtimes.local.specs import ServiceUser, fingerprint
from insightengine.runtimes.port import ProcessSpec

_GONE_POLL_S = 0.02


def spawn(spec: ProcessSpec, run_folder: Path, log: Path, user: ServiceUser | None) -> int:
    """Starts the process in a session of its own and returns its pid."""
    order = {
        "record": str(record_path(run_folder, spec.name)),
        "log": str(log),
        "cwd": str(spec.cwd),
        "user": user.name if user else None,
        "uid": user.uid if user else None,
        "gid": user.gid if user else None,
        "fingerprint": fingerprint(spec),
        "started_at": time.time(),
    }
    argv = [sys.executable, "-I", "-S", launch.__file__, json.dumps(order), *spec.argv]
    return os.posix_spawn(sys.executable, argv, dict(spec.env))


async def run_to_end(
    argv: Sequence[str], spec: ProcessSpec, log: Path, user: ServiceUser | None
) -> int:
    """Runs one of the commands of a spec, output to the spec's log; its exit code.

    It is killed with all it started when the waiting task is cancelled.
    """
    with log.open("ab") as output:
        if user:
            os.fchown(output.fileno(), user.uid, user.gid)
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=spec.cwd,
            env=dict(spec.env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            umask=0o027,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            kill_session(process.pid)
            await process.wait()


@dataclass(slots=True)
class Exit:
    """Becomes set when the process ends, whether or not it is a child of ours."""

    pid: int
    happened: asyncio.Event
    status: int | None = None  # a wait status; None when it was not our child
    _descriptor: int | None = None

    def describe(self) -> str:
        if self.status is None:
            return "ended"
        if os.WIFSIGNALED(self.status):
            return f"ended by {signal.Signals(os.WTERMSIG(self.status)).name}"
        return f"exited with {os.waitstatus_to_exitcode(self.status)}"

    def close(self) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None


def watch_exit(pid: int) -> Exit:
    """Watches a process by pidfd; needs a running loop. Close it when done."""
    exit_ = Exit(pid, asyncio.Event())
    try:
        exit_._descriptor = os.pidfd_open(pid)  # noqa: SLF001
    except ProcessLookupError:
        exit_.happened.set()
        return exit_

    def on_end() -> None:
        with contextlib.suppress(ChildProcessError):
            _, exit_.status = os.waitpid(pid, os.WNOHANG)
        exit_.close()
        exit_.happened.set()

    asyncio.get_running_loop().add_reader(exit_._descriptor, on_end)  # noqa: SLF001
    return exit_


async def end(exit_: Exit, stop_signal: str, timeout_s: float) -> None:
    """Asks the process to stop, then kills it with all that is left of its session."""
    if not exit_.happened.is_set():
        with contextlib.suppress(ProcessLookupError):
            os.kill(exit_.pid, signal.Signals[stop_signal])
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(exit_.happened.wait(), timeout_s)
    await clear_session(exit_.pid)
    await exit_.happened.wait()


async def clear_session(session: int) -> None:
    """Kills what is left of a session and waits until it is gone."""
    while kill_session(session):
        if not any(session_members(session)):
            return
        await asyncio.sleep(_GONE_POLL_S)
