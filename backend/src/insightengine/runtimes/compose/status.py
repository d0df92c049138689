"""Containers as the processes that `insight status` shows, decided from what was observed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from insightengine.core.colours import Colour
from insightengine.runtimes.compose.observe import Container
from insightengine.runtimes.port import Instance, InstanceState, ProcessState, ProcessStatus

_LOOPING = 5  # restarts from which on a container is said to be in a crash loop

_TOLD = {
    ProcessState.READY: InstanceState.RUNNING,
    ProcessState.UNHEALTHY: InstanceState.UNHEALTHY,
    ProcessState.BACKING_OFF: InstanceState.FAILED,
    ProcessState.CRASH_LOOP: InstanceState.FAILED,
    ProcessState.STOPPING: InstanceState.STOPPING,
}

NameOf = Callable[[str, str], str]  # unit, service → the service's name in telemetry


def status_of(
    container: Container,
    problem: str | None,
    before: ProcessStatus | None,
    now: datetime,
    name_of: NameOf,
) -> ProcessStatus | None:
    """`problem` is what our own health check found; None for a container that is none of ours."""
    instance = container.instance
    if instance is None:
        return None
    service = name_of(instance.unit, instance.service)
    state = _state(instance, problem, before)
    since = before.since if before and before.state is state else now
    return ProcessStatus(
        name=instance.name.replace(instance.service, service, 1),
        state=state,
        pid=container.process,
        since=since,
        restarts=instance.restarts,
        last_check=now,
        detail=None if state is ProcessState.READY else instance.detail or problem,
        ports=(instance.port,) if instance.port else (),
        labels={
            "service": service,
            "name": instance.service,
            "unit": instance.unit,
            "colour": instance.colour.value if instance.colour else "",
            "release": instance.release,
            "kind": "application",
            "container": container.name,
        },
    )


def _state(instance: Instance, problem: str | None, before: ProcessStatus | None) -> ProcessState:
    match instance.state:
        case InstanceState.RUNNING if problem is None:
            return ProcessState.READY
        case InstanceState.RUNNING | InstanceState.STARTING:
            was_ready = before is not None and before.state in (
                ProcessState.READY,
                ProcessState.UNHEALTHY,
            )
            return ProcessState.UNHEALTHY if was_ready else ProcessState.STARTING
        case InstanceState.UNHEALTHY:
            return ProcessState.UNHEALTHY
        case InstanceState.STOPPING:
            return ProcessState.STOPPING
        case InstanceState.FAILED:
            looping = instance.restarts >= _LOOPING
            return ProcessState.CRASH_LOOP if looping else ProcessState.BACKING_OFF


def instances_told(processes: Iterable[Mapping[str, Any]], unit: str) -> tuple[Instance, ...]:
    """The other way round: instances from what `insight status` knows, for who has no Docker."""
    told = ((one, one["labels"]) for one in processes)
    return tuple(
        Instance(
            unit=unit,
            service=labels["name"],
            name=one["name"],
            colour=Colour(labels["colour"]) if labels["colour"] else None,
            release=labels["release"],
            state=_TOLD.get(ProcessState(one["state"]), InstanceState.STARTING),
            restarts=one["restarts"],
            detail=one["detail"],
        )
        for one, labels in told
        if labels["unit"] == unit and labels["release"]
    )
