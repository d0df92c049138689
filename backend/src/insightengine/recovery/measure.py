"""What recovery measures of itself: what would be lost, how long it takes, what is behind. Pure.

What is not known is left out: a missing point is no zero. `breached` is there always.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from insightengine.core.lsn import Lsn
from insightengine.recovery.models import Backup, Standing
from insightengine.recovery.objectives import ObjectivesNow


@dataclass(frozen=True, slots=True)
class Measurement:
    """One gauge. `unit` as UCUM writes it: s, By, 1."""

    name: str
    unit: str
    value: float
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flow:
    """Where the WAL is. `kept_bytes` is what the server holds for the receiver, `spooled_bytes`
    what the receiver holds for the repositories; `stored` maps each repository to what it has."""

    server: Lsn | None = None
    received: Lsn | None = None
    kept_bytes: int | None = None
    spooled_bytes: int | None = None
    stored: Mapping[str, Lsn] = field(default_factory=dict)
    replica_behind_bytes: int | None = None


def measurements(
    objectives: ObjectivesNow,
    flow: Flow,
    backups: Sequence[Backup],
    standings: Mapping[str, Standing],
    now: datetime,
) -> tuple[Measurement, ...]:
    return (
        *_objectives(objectives),
        *_flow(flow),
        *_backups(objectives, backups, standings, now),
    )


def _objectives(found: ObjectivesNow) -> Iterator[Measurement]:
    values = {
        "insight.recovery.rpo": found.rpo_s,
        "insight.recovery.rpo.target": found.rpo_target_s,
        "insight.recovery.rto": found.rto_s if found.is_rto_measured else None,
        "insight.recovery.rto.estimate": found.rto_estimate_s,
        "insight.recovery.rto.target": found.rto_target_s,
    }
    for name, value in values.items():
        if value is not None:
            yield Measurement(name, "s", value)
    for objective in ("rpo", "rto"):
        is_breached = float(objective in found.breached)
        yield Measurement("insight.recovery.breached", "1", is_breached, {"objective": objective})


def _flow(flow: Flow) -> Iterator[Measurement]:
    if flow.server is not None and flow.received is not None:
        behind = max(0, flow.server - flow.received)
        yield Measurement("insight.recovery.receiver.lag", "By", behind)
    if flow.kept_bytes is not None:
        yield Measurement("insight.recovery.slot.kept", "By", flow.kept_bytes)
    if flow.spooled_bytes is not None:
        yield Measurement("insight.recovery.spool.size", "By", flow.spooled_bytes)
    if flow.replica_behind_bytes is not None:
        yield Measurement("insight.recovery.replica.lag", "By", flow.replica_behind_bytes)
    for repository, lsn in flow.stored.items() if flow.server is not None else ():
        labels = {"repository": repository}
        behind = max(0, flow.server - lsn) if flow.server else 0
        yield Measurement("insight.recovery.repository.lag", "By", behind, labels)


def _backups(
    objectives: ObjectivesNow,
    backups: Sequence[Backup],
    standings: Mapping[str, Standing],
    now: datetime,
) -> Iterator[Measurement]:
    for standing in Standing:
        count = sum(standings.get(one.id) is standing for one in backups)
        labels = {"standing": standing.value}
        yield Measurement("insight.recovery.backups", "{backup}", count, labels)
    newest = next((one for one in backups if one.id == objectives.newest_proven), None)
    if newest is not None:
        age_s = round((now - newest.ended_at).total_seconds(), 1)
        yield Measurement("insight.recovery.backup.age", "s", age_s)
        yield Measurement("insight.recovery.backup.size", "By", newest.stored_bytes)
