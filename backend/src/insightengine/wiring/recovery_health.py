"""What the worker of recovery tells others: its measurements, and whether objectives are met."""

from __future__ import annotations

import time
from typing import Any

import httpx

from insightengine.core.errors import InsightError, UnavailableError
from insightengine.core.settings import PortOffset, Settings, StateFolder
from insightengine.telemetry.schema import OWN_NAMESPACE
from insightengine.telemetry.sources.records import Kind, Measured, Sample
from insightengine.wiring.recovery import configuration_of

_HOST = "127.0.0.1"
_TIMEOUT_S = 2.0


def measure_recovery(settings: Settings) -> list[Measured]:
    """Without samples while the worker does not answer, as where no backups are taken."""
    url = f"http://{_HOST}:{settings.port(PortOffset.BACKUPS)}/measurements"
    try:
        found = httpx.get(url, timeout=_TIMEOUT_S).raise_for_status().json()
    except (httpx.HTTPError, ValueError):
        found = []
    samples = [
        Sample(one["name"], one["unit"], Kind.GAUGE, one["value"], one["attributes"])
        for one in found
    ]
    resource = {"service.name": "backups", "service.namespace": OWN_NAMESPACE}
    return [Measured(resource, time.time_ns(), samples)]


async def check_objectives(settings: Settings, state: StateFolder, web: httpx.AsyncClient) -> None:
    """Raises UnavailableError that says which objective of the Compose file is not met now.

    Nothing is raised where none was set, or backups are switched off.
    """
    try:
        wanted = configuration_of(state)
    except InsightError:
        return
    targets = wanted.objectives
    if not wanted.backup.enabled or (targets.rpo_s is None and targets.rto_s is None):
        return
    try:
        answer = await web.get(f"http://{_HOST}:{settings.port(PortOffset.BACKUPS)}/objectives")
        found = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise UnavailableError(f"backups do not answer: {error.__class__.__name__}") from None
    told = complaint(found)
    if told:
        raise UnavailableError(told)


def complaint(found: dict[str, Any]) -> str | None:
    """Which objectives are not met, in a sentence; None when all are."""
    parts = []
    for name in found.get("breached", ()):
        known = [v for v in (found[f"{name}_s"], found.get(f"{name}_estimate_s")) if v is not None]
        value = f"{max(known):g} s" if known else "unknown"
        target = found[f"{name}_target_s"]
        allowed = f", allowed are {target:g} s" if target is not None else ""
        parts.append(f"{name.upper()} is {value}{allowed}")
    return f"{'; '.join(parts)} ({found['detail']})" if parts else None
