"""What recovery decides: when to back up, and how to come back to a moment. Pure.

Values in, decisions out: nobody here asks a clock, a server or a store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from insightengine.application.backup import BackupPolicy
from insightengine.core.errors import ConflictError, InvalidInputError, NotFoundError
from insightengine.core.lsn import Lsn
from insightengine.recovery.lineage import Lineage
from insightengine.recovery.models import Backup, BackupKind, NamedPoint, Standing
from insightengine.recovery.moments import Moment, candidates

BEFORE_RELEASE = "before-release-"  # …RELEASE-OPERATION: what a release names its moment
_ASSUMED_BYTES_PER_S = 50e6  # until a restore was measured here


@dataclass(frozen=True, slots=True)
class Due:
    kind: BackupKind
    reason: str


def backup_due(
    policy: BackupPolicy,
    backups: Sequence[Backup],
    standings: Mapping[str, Standing],
    timeline: int,
    recipients: Sequence[str],
    now: datetime,
    gap_end: Lsn | None = None,
) -> Due | None:
    """The backup that should be taken now, or None. WAL before `gap_end` is in no repository."""
    usable = [b for b in backups if standings.get(b.id) is not Standing.DAMAGED]
    fulls = [b for b in usable if b.kind is BackupKind.FULL]
    if not fulls:
        return Due(BackupKind.FULL, "there is no backup")
    newest = usable[-1]
    if newest.timeline != timeline:
        return Due(BackupKind.FULL, f"timeline {timeline} has no backup")
    if set(fulls[-1].recipients) != set(recipients):
        return Due(BackupKind.FULL, "other keys shall be able to open it")
    if gap_end is not None and newest.start < gap_end:
        return Due(BackupKind.INCREMENTAL, "received write-ahead log was given up")
    if policy.full.is_due(fulls[-1].started_at, now):
        return Due(BackupKind.FULL, "by schedule")
    if policy.incremental.is_due(newest.started_at, now):
        return Due(BackupKind.INCREMENTAL, "by schedule")
    return None


def parent_for_incremental(
    backups: Sequence[Backup], standings: Mapping[str, Standing], timeline: int
) -> Backup | None:
    """The newest backup that an incremental one can build on: of this timeline, not damaged."""
    usable = [
        b for b in backups if b.timeline == timeline and standings.get(b.id) is not Standing.DAMAGED
    ]
    return usable[-1] if usable else None


def chain_of(backup: Backup, backups: Sequence[Backup]) -> tuple[Backup, ...]:
    """The full backup first. Raises ConflictError when one of it is missing."""
    by_id = {one.id: one for one in backups}
    chain = [backup]
    while chain[0].parent is not None:
        parent = by_id.get(chain[0].parent)
        if parent is None:
            raise ConflictError(
                f"{backup.id} builds on {chain[0].parent}, which is missing", code="broken_chain"
            )
        chain.insert(0, parent)
    return tuple(chain)


class TargetKind(StrEnum):
    LATEST = "latest"
    REACHABLE = "reachable"  # as latest, and a gap in the log is where it ends
    TIME = "time"
    LSN = "lsn"
    POINT = "point"
    BACKUP = "backup"  # the end of one backup


@dataclass(frozen=True, slots=True)
class Target:
    """Where to restore to. `lsn` is excluded: everything before it is there."""

    kind: TargetKind
    text: str
    lsn: Lsn | None = None
    at: datetime | None = None
    timeline: int | None = None

    @property
    def settings(self) -> dict[str, str]:
        """PostgreSQL's recovery settings for it."""
        found = {"recovery_target_timeline": str(self.timeline or "latest")}
        if self.kind is TargetKind.BACKUP:
            return {**found, "recovery_target": "immediate", **_PROMOTE}
        if self.lsn is not None:
            return {
                **found,
                "recovery_target_lsn": str(self.lsn),
                "recovery_target_inclusive": "off",
                **_PROMOTE,
            }
        if self.at is not None:
            return {**found, "recovery_target_time": self.at.isoformat(), **_PROMOTE}
        return found


_PROMOTE = {"recovery_target_action": "promote"}


def parse_target(
    text: str,
    points: Sequence[NamedPoint],
    backups: Sequence[Backup],
    moments: Sequence[Moment],
    now: datetime,
) -> Target:
    """`latest`, `reachable`, a time, a WAL position, a named point, a release (the moment before
    it), or a backup's id.

    Raises InvalidInputError for what is none of these, and ConflictError for a time that passed
    twice because the clock was set back.
    """
    if text in (TargetKind.LATEST, TargetKind.REACHABLE):
        return Target(TargetKind(text), text)
    if Lsn.is_one(text):
        return Target(TargetKind.LSN, text, lsn=Lsn.parse(text))
    for backup in backups:
        if backup.id == text:
            return Target(TargetKind.BACKUP, text, lsn=backup.stop, timeline=backup.timeline)
    found = _point(text, points)
    if found is not None:
        return Target(TargetKind.POINT, text, found.lsn, found.at, found.timeline)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        known = ", ".join(point.name for point in points[-8:]) or "none yet"
        raise InvalidInputError(
            f"found the target {text[:60]!r}, allowed are latest, reachable, a time such "
            "as 2026-01-02T03:04:05Z, a position such as 0/16B3748, a backup, a release or a named "
            "point",
            hint=f"named points: {known}",
        ) from None
    return _at_time(text, at if at.tzinfo else at.astimezone(), moments, now)


def _point(text: str, points: Sequence[NamedPoint]) -> NamedPoint | None:
    """By its name; for a release, the newest moment before it was made: nothing of it had run."""
    by_name = [point for point in points if point.name == text]
    before = [p for p in points if p.name.startswith(f"{BEFORE_RELEASE}{text}-")]
    return next(reversed(by_name or before), None)


def _at_time(text: str, at: datetime, moments: Sequence[Moment], now: datetime) -> Target:
    if at > now:
        raise InvalidInputError(f"the time {text} is still to come", hint="--to latest")
    passages = candidates(moments, at)
    if len(passages) > 1:
        positions = ", ".join(str(passage.after) for passage in passages)
        raise ConflictError(
            f"the clock passed {text} {len(passages)} times: it was set back",
            code="ambiguous_time",
            hint=f"choose one of the positions: --to {positions}",
        )
    return Target(TargetKind.TIME, text, at=at)


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """What a restore would do; shown before it is done."""

    target: Target
    chain: tuple[Backup, ...]
    standing: Standing
    wal_bytes: int | None
    restore_bytes: int
    estimated_s: float
    is_estimate_measured: bool
    lost: str

    @property
    def backup(self) -> Backup:
        return self.chain[-1]


def restore_plan(
    target: Target,
    backups: Sequence[Backup],
    standings: Mapping[str, Standing],
    newest: Lsn | None,
    measured_bytes_per_s: float | None,
    lineage: Lineage | None = None,
) -> RestorePlan:
    """Takes the newest backup that ends before the target, a proven one if there is any.

    `lineage` is that of the target's timeline: what was taken on another one behind the point where
    it was left does not lead there. Raises NotFoundError when there is none.
    """
    usable = [
        b
        for b in backups
        if standings.get(b.id) is not Standing.DAMAGED
        and _ends_before(b, target)
        and (lineage is None or lineage.leads_to(b.timeline, b.stop))
    ]
    if not usable:
        raise NotFoundError(
            f"no backup ends before {target.text}",
            code="no_backup",
            hint="insight backup list shows what there is",
        )
    proven = [
        b for b in usable if standings.get(b.id, Standing.UNVERIFIED) is not Standing.UNVERIFIED
    ]
    backup = (proven or usable)[-1]
    chain = chain_of(backup, backups)
    end = target.lsn or newest
    wal_bytes = max(0, end - backup.start) if end is not None else None
    size = backup.database_bytes or sum(one.plain_bytes for one in chain)
    rate = measured_bytes_per_s or _ASSUMED_BYTES_PER_S
    return RestorePlan(
        target,
        chain,
        standings.get(backup.id, Standing.UNVERIFIED),
        wal_bytes,
        size,
        round((size + (wal_bytes or 0)) / rate + 3, 1),
        measured_bytes_per_s is not None,
        _lost(target),
    )


def _ends_before(backup: Backup, target: Target) -> bool:
    if target.timeline is not None and backup.timeline > target.timeline:
        return False
    if target.kind is TargetKind.BACKUP:
        return backup.id == target.text
    if target.lsn is not None:
        return backup.stop <= target.lsn
    return target.at is None or backup.ended_at <= target.at


def _lost(target: Target) -> str:
    if target.kind is TargetKind.LATEST:
        return "nothing that was received as write-ahead log"
    if target.kind is TargetKind.REACHABLE:
        return "whatever lies behind the first gap in the write-ahead log"
    return f"every transaction after {target.text}"
