"""Begins operations: those that somebody asked for, and those that are due.

Each runs in a process of its own, which may be killed at any moment and is begun again here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from insightengine.core.lsn import Lsn
from insightengine.recovery.catchup import lacking
from insightengine.recovery.failover import is_away
from insightengine.recovery.house import House
from insightengine.recovery.journal import SCHEDULE, Operation, OperationKind, OperationState
from insightengine.recovery.operations import ELSEWHERE, MOST_ATTEMPTS
from insightengine.recovery.plan import backup_due
from insightengine.recovery.repository import answers
from insightengine.runtimes.local.supplied import cluster

WAL_GAP = "received WAL was given up up to"
_CATCH_UP_S = 600.0
_CLAIMED_WITHIN_S = 60.0  # a process that asks for itself begins at once
_MOVES_THE_PRIMARY = (OperationKind.RESTORE, OperationKind.FAILOVER)
_log = structlog.get_logger("backups")


@dataclass(slots=True)
class Primary:
    """What is known of it by the thread that watches it; others read.

    `flushed` is up to where its log was received, `seen_at` when it last answered (monotonic
    seconds): forgotten once the replica was asked to take over.
    """

    timeline: int | None = None
    flushed: Lsn | None = None
    seen_at: float | None = None


class Child(Protocol):
    """A process that carries out an operation."""

    def poll(self) -> int | None: ...

    def kill(self) -> None: ...

    def wait(self) -> int: ...


class Dispatcher:
    """`dispatch` is called again and again, by one thread."""

    def __init__(self, house: House, primary: Primary, start: Callable[[str], Child]) -> None:
        self._house = house
        self._primary = primary
        self._start = start
        self._began = house.now()
        self._children: dict[str, Child] = {}

    def dispatch(self) -> None:
        """Begins what nobody has begun, and asks for what is due where nothing is under way."""
        self._reap()
        if self._promote_if_needed():
            return
        under_way = self._house.journal.under_way()
        kinds = {operation.kind for operation in under_way}
        for operation in under_way:
            if operation.request.get(ELSEWHERE):
                self._end_if_gone(operation)
            elif operation.kind is OperationKind.TELEMETRY and OperationKind.PRUNE in kinds:
                continue  # it would count on what is being removed
            elif operation.id not in self._children:
                self._begin(operation)
        kinds = {operation.kind for operation in self._house.journal.under_way()}
        if kinds <= {OperationKind.TELEMETRY}:
            self._ask_for_what_is_due(is_free=not kinds)

    def _begin(self, operation: Operation) -> None:
        """Also one whose process is gone, but not again and again."""
        if operation.state is not OperationState.ASKED and not operation.is_orphan:
            return
        if operation.attempts >= MOST_ATTEMPTS:
            self._fail(operation, f"it was begun {operation.attempts} times and never ended")
            return
        self._children[operation.id] = self._start(operation.id)

    def _fail(self, operation: Operation, why: str) -> None:
        self._house.journal.end(operation.id, OperationState.FAILED, self._house.now(), error=why)

    def _end_if_gone(self, operation: Operation) -> None:
        """Nobody else can go on with it, and what is not over keeps others from beginning."""
        waited_s = (self._house.now() - operation.asked_at).total_seconds()
        is_forgotten = operation.state is OperationState.ASKED and waited_s > _CLAIMED_WITHIN_S
        if operation.is_orphan or is_forgotten:
            self._fail(operation, "the process that carried it out is gone")

    def _promote_if_needed(self) -> bool:
        """A primary that stays away for long is replaced by the replica, if there is one."""
        if self._primary.seen_at is None:
            return False
        folder = self._house.folders.cluster
        is_gone = not (folder / "PG_VERSION").exists() and cluster.pending_swap(folder) is None
        if not is_away(time.monotonic() - self._primary.seen_at, is_gone=is_gone):
            return False
        under_way = self._house.journal.under_way()
        if any(operation.kind in _MOVES_THE_PRIMARY for operation in under_way):
            return False  # it is away because of them
        place = self._house.replica
        has_replica = place is not None and (place.folder / "standby.signal").exists()
        if not (has_replica or is_gone):
            return False
        for operation in under_way:
            self._give_way(operation)
        if not has_replica:
            return False
        _log.warning("the primary is away; the replica takes over")
        request = {"forced": True, "reason": "the primary does not answer"}
        self._house.journal.ask(OperationKind.FAILOVER, request, "watch", self._house.now())
        self._primary.seen_at = None  # once; the next time it has to have answered before
        return True

    def _give_way(self, operation: Operation) -> None:
        """A backup of a primary that is gone comes to nothing, and would hold up the failover or
        the restore: it waits for log that nobody writes any more."""
        if operation.kind not in (OperationKind.BACKUP, OperationKind.PRUNE):
            return
        child = self._children.pop(operation.id, None)
        if child is not None:
            child.kill()
            child.wait()
        elif operation.state is OperationState.RUNNING and not operation.is_orphan:
            return  # another process has it: what comes next waits for its end
        self._fail(operation, "it gave way: the primary is away")

    def _ask_for_what_is_due(self, *, is_free: bool) -> None:
        """While telemetry is stored, backups only: what else is due can wait for its end."""
        if self._primary.timeline is None or self._primary.flushed is None or not self._may_try():
            return
        house, now = self._house, self._house.now()
        backups = house.backups()
        gap = house.catalogue.fact(WAL_GAP)
        due = backup_due(
            house.policy,
            backups,
            house.standings(),
            self._primary.timeline,
            house.keyring.recipients,
            now,
            Lsn.parse(gap) if gap else None,
        )
        if due is not None:
            request = {"kind": due.kind, "reason": due.reason}
            house.journal.ask(OperationKind.BACKUP, request, SCHEDULE, now)
        if due is not None or not is_free:
            return
        pruned = house.journal.recent(1, OperationKind.PRUNE)
        has_pruned = pruned and pruned[0].state is not OperationState.CANCELLED
        if backups and not (has_pruned and pruned[0].asked_at >= backups[-1].ended_at):
            house.journal.ask(OperationKind.PRUNE, {}, SCHEDULE, now)
            return
        if self._ask_to_catch_up():
            return
        checked = house.catalogue.fact("restore check at")
        last = type(now).fromisoformat(checked) if checked else backups[0].ended_at
        if house.policy.verify.restore.is_due(last, now):
            house.catalogue.set_fact("restore check at", now.isoformat())
            house.journal.ask(OperationKind.VERIFY, {"restore": True}, SCHEDULE, now)

    def _ask_to_catch_up(self) -> bool:
        """A repository that was away and answers again gets what it lacks."""
        house, now = self._house, self._house.now()
        recent = house.journal.recent(1, OperationKind.SYNC)
        if recent and 0 <= (now - recent[0].asked_at).total_seconds() < _CATCH_UP_S:
            return False
        if len(house.repositories) < 2 or not lacking(house):
            return False
        if any(answers(repository) is not None for repository in house.repositories):
            return False
        house.journal.ask(OperationKind.SYNC, {}, SCHEDULE, now)
        return True

    def _may_try(self) -> bool:
        """A minute between attempts that failed; a restart may have mended the cause."""
        recent = self._house.journal.recent(1)
        if not recent or recent[0].state is not OperationState.FAILED:
            return True
        ended = recent[0].ended_at or recent[0].asked_at
        since_s = (self._house.now() - ended).total_seconds()
        return ended < self._began or since_s > 60 or since_s < 0  # below: the clock was set back

    def _reap(self) -> None:
        for operation_id, child in list(self._children.items()):
            if child.poll() is not None:
                del self._children[operation_id]

    def end_children(self) -> None:
        """They go on where they were at the next start."""
        for child in self._children.values():
            child.kill()
            child.wait()
