"""Watches the containers of a platform: their state for `insight status`, their output as logs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog

from insightengine.core.errors import InsightError
from insightengine.runtimes.compose.followers import Followers
from insightengine.runtimes.compose.observe import Container
from insightengine.runtimes.compose.runner import docker_environment
from insightengine.runtimes.compose.status import status_of
from insightengine.runtimes.local.readiness import problem_of
from insightengine.runtimes.local.status import OTHERS, write_others
from insightengine.runtimes.port import HttpReady, ProcessStatus
from insightengine.wiring.application import telemetry_name
from insightengine.wiring.containers import compose_runtime
from insightengine.wiring.environment import PlatformContext
from insightengine.worker.process import run

_INTERVAL_S = 1.0
_CHECK_S = 2.0
_log = structlog.get_logger("containers")


async def watch_containers(context: PlatformContext, stop: asyncio.Event) -> None:
    """Until told to stop. While Docker does not answer, nothing is said of containers."""
    state = context.state
    runtime = compose_runtime(context)
    followers = Followers(state.logs, state.run / "followed.json", docker_environment())
    known: dict[str, ProcessStatus] = {}
    answers = True
    try:
        while not stop.is_set():
            try:
                found = await asyncio.to_thread(runtime.all_containers)
                known = await _look(found, known)
                await asyncio.to_thread(
                    followers.follow, {one: status.name for one, status in known.items()}
                )
                write_others(state.run / OTHERS, datetime.now(UTC), known.values())
                answers = True
            except InsightError as error:
                if answers:
                    _log.warning("containers are not watched", reason=error.message)
                answers = False
            try:
                await asyncio.wait_for(stop.wait(), _INTERVAL_S)
            except TimeoutError:
                continue
    finally:
        followers.close()


async def _look(
    found: tuple[Container, ...], known: dict[str, ProcessStatus]
) -> dict[str, ProcessStatus]:
    problems = await asyncio.gather(*(asyncio.to_thread(_problem, one) for one in found))
    now = datetime.now(UTC)
    statuses = {
        one.id: status_of(one, problem, known.get(one.id), now, telemetry_name)
        for one, problem in zip(found, problems, strict=True)
    }
    return {identity: status for identity, status in statuses.items() if status is not None}


def _problem(container: Container) -> str | None:
    """What our own check of `x-insight.health` finds; None without one."""
    instance, path = container.instance, container.labels.get("health")
    if instance is None or not path or instance.host is None:
        return None
    return problem_of(HttpReady(f"http://{instance.host}:{instance.port}{path}"), _CHECK_S)


if __name__ == "__main__":
    run("containers", watch_containers)
