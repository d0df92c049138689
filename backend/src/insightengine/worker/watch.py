"""Asks every part of a platform whether it answers, and writes what it found.

In containers there is no supervisor of ours: Docker restarts what dies. This process only looks, so
that the console and the collector know of each part what the local supervisor would tell them.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from insightengine.runtimes.local.logfiles import rotate_all
from insightengine.runtimes.local.readiness import problem_of
from insightengine.runtimes.local.status import Overseer, encode_status, write_status
from insightengine.runtimes.port import ProcessSpec, ProcessState, ProcessStatus
from insightengine.wiring.environment import PlatformContext
from insightengine.worker.part import parts
from insightengine.worker.process import run

_INTERVAL_S = 2.0
_CHECK_S = 1.5
_log = structlog.get_logger("watch")


async def watch(context: PlatformContext, stop: asyncio.Event) -> None:
    """Until told to stop; a part that does not answer is no failure of this one."""
    specs = parts(context)
    overseer = Overseer(os.getpid(), datetime.now(UTC))
    known = {spec.name: _first(spec, overseer.since) for spec in specs}
    while not stop.is_set():
        looks = await asyncio.gather(*(asyncio.to_thread(_problem, spec) for spec in specs))
        now = datetime.now(UTC)
        for spec, problem in zip(specs, looks, strict=True):
            known[spec.name] = _changed(known[spec.name], problem, now)
        status = encode_status(now, overseer, None, None, known.values())
        await asyncio.to_thread(write_status, context.state.run / "status.json", status)
        await asyncio.to_thread(rotate_all, context.state.logs)
        try:
            await asyncio.wait_for(stop.wait(), _INTERVAL_S)
        except TimeoutError:
            continue


def _problem(spec: ProcessSpec) -> str | None:
    return problem_of(spec.readiness, _CHECK_S)


def _first(spec: ProcessSpec, now: datetime) -> ProcessStatus:
    state = ProcessState.STARTING
    return ProcessStatus(spec.name, state, None, now, 0, None, None, spec.ports, spec.labels)


def _changed(before: ProcessStatus, problem: str | None, now: datetime) -> ProcessStatus:
    """A part that never answered is starting; one that did and does not any more is unhealthy."""
    if problem is None:
        state = ProcessState.READY
    elif before.state is ProcessState.STARTING:
        state = ProcessState.STARTING
    else:
        state = ProcessState.UNHEALTHY
    if state is not before.state:
        _log.info("a part changed", part=before.name, state=state, detail=problem)
    since = before.since if state is before.state else now
    return replace(before, state=state, since=since, last_check=now, detail=problem)


if __name__ == "__main__":
    run("watch", watch)
