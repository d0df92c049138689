"""Which backups stay, and why; the rest may go. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from insightengine.application.backup import Retention
from insightengine.core.lsn import Lsn
from insightengine.recovery.models import Backup, BackupKind, Standing

_PROVEN = frozenset({Standing.VERIFIED, Standing.RESTORED})


@dataclass(frozen=True, slots=True)
class Keep:
    backup: str
    reason: str


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """`wal_from` maps a timeline to the position before which no kept backup needs its WAL."""

    keep: tuple[Keep, ...]
    remove: tuple[str, ...]
    wal_from: Mapping[int, Lsn]


def prune_plan(
    backups: Sequence[Backup],
    standings: Mapping[str, Standing],
    retention: Retention,
    now: datetime,
) -> PrunePlan:
    """Only proven backups count towards a number, and the newest proven one always stays.

    What a kept backup builds on stays with it; so does everything newer than the newest proven
    one, because nobody knows yet whether it is any good.
    """
    ordered = sorted(backups, key=lambda backup: (backup.position, backup.id))
    proven = [b for b in ordered if standings.get(b.id, Standing.UNVERIFIED) in _PROVEN]
    reasons: dict[str, str] = {}
    for backup in reversed(proven[-1:]):
        reasons[backup.id] = "newest proven"
    unproven_from = ordered.index(proven[-1]) + 1 if proven else 0
    for number, backup in enumerate(ordered):
        if number >= unproven_from and standings.get(backup.id) is not Standing.DAMAGED:
            reasons.setdefault(backup.id, "newer than the newest proven")
        if now - backup.ended_at <= timedelta(days=retention.days):
            reasons.setdefault(backup.id, f"not older than {retention.days} days")
    for backup in [b for b in proven if b.kind is BackupKind.FULL][-retention.full :]:
        reasons.setdefault(backup.id, f"one of the newest {retention.full} full ones")
    for count, name, period in _periods(retention):
        for backup in _newest_of_each(proven, period, count):
            reasons.setdefault(backup.id, name)
    _with_parents(ordered, reasons)
    keep = tuple(Keep(b.id, reasons[b.id]) for b in ordered if b.id in reasons)
    remove = tuple(b.id for b in ordered if b.id not in reasons)
    return PrunePlan(keep, remove, _wal_from(ordered, reasons))


def _periods(
    retention: Retention,
) -> tuple[tuple[int, str, Callable[[datetime], tuple[int, ...]]], ...]:
    return (
        (retention.daily, "of its day", lambda at: (at.year, at.month, at.day)),
        (retention.weekly, "of its week", lambda at: at.isocalendar()[:2]),
        (retention.monthly, "of its month", lambda at: (at.year, at.month)),
        (retention.yearly, "of its year", lambda at: (at.year,)),
    )


def _newest_of_each(
    proven: Sequence[Backup], period: Callable[[datetime], tuple[int, ...]], count: int
) -> list[Backup]:
    found: dict[tuple[int, ...], Backup] = {}
    for backup in proven:
        found[period(backup.ended_at)] = backup
    return [found[key] for key in sorted(found)[-count:]] if count else []


def _with_parents(ordered: Sequence[Backup], reasons: dict[str, str]) -> None:
    by_id = {backup.id: backup for backup in ordered}
    for backup in reversed(ordered):
        parent = by_id[backup.id].parent
        if backup.id in reasons and parent is not None:
            reasons.setdefault(parent, f"{backup.id} builds on it")


def _wal_from(ordered: Sequence[Backup], reasons: Mapping[str, str]) -> dict[int, Lsn]:
    found: dict[int, Lsn] = {}
    for backup in ordered:
        if backup.id in reasons:
            found.setdefault(backup.timeline, backup.start)
            found[backup.timeline] = min(found[backup.timeline], backup.start)
    return found
