"""Operations that take long: asked for, claimed by one process, noted step by step, ended.

Intent is written before an act and its result afterwards, so that whoever finds an operation whose
owner is gone knows how far it came and goes on from there. Of one lane only one operation is under
way: a backup and a restore exclude each other, a drill on a scratch copy excludes neither.
"""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from insightengine.core.errors import (
    ConflictError,
    LimitExceededError,
    NotFoundError,
    UnavailableError,
)
from insightengine.recovery.database import Database, Row

_COLUMNS = (
    "id, kind, state, request, asked_by, asked_at, started_at, ended_at, step, progress, "
    "result, error, hint, pid, ticks, attempts"
)


PATIENCE_S = 20.0
_POLL_S = 0.05
SCHEDULE = "schedule"
"""Who asks for what is due; what a person asks for goes before it."""


class OperationKind(StrEnum):
    BACKUP = "backup"
    VERIFY = "verify"
    PRUNE = "prune"
    RESTORE = "restore"
    FAILOVER = "failover"
    DRILL = "drill"
    EXPORT = "export"
    SYNC = "sync"
    TELEMETRY = "telemetry"  # of a backup that is stored; it takes long, and nothing waits for it


_LANES = {
    OperationKind.BACKUP: "cluster",
    OperationKind.PRUNE: "cluster",
    OperationKind.RESTORE: "cluster",
    OperationKind.FAILOVER: "cluster",
    OperationKind.VERIFY: "scratch",
    OperationKind.DRILL: "scratch",
    OperationKind.EXPORT: "export",
    OperationKind.SYNC: "sync",
    OperationKind.TELEMETRY: "telemetry",
}


_ONLY_WHOLE = (OperationKind.RESTORE, OperationKind.FAILOVER, OperationKind.PRUNE)


class OperationState(StrEnum):
    ASKED = "asked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self not in (OperationState.ASKED, OperationState.RUNNING)


@dataclass(frozen=True, slots=True)
class Progress:
    """`total` is None while nobody knows it. Rate and time left are of the last seconds."""

    text: str
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float = 0.0

    @property
    def left_s(self) -> float | None:
        if self.total_bytes is None or self.bytes_per_s <= 0:
            return None
        return max(0.0, (self.total_bytes - self.done_bytes) / self.bytes_per_s)


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of this machine; the start time tells it from a later one with its pid."""

    pid: int
    ticks: int

    def is_alive(self) -> bool:
        try:
            stat = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return False
        return stat[0] not in (b"Z", b"X") and int(stat[19]) == self.ticks

    def kill(self) -> None:
        """SIGKILL, for which every operation is prepared; what it has started ends with it."""
        with suppress(ProcessLookupError):
            if self.is_alive():
                os.kill(self.pid, signal.SIGKILL)

    @classmethod
    def myself(cls) -> Owner:
        stat = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        return cls(os.getpid(), int(stat[19]))


@dataclass(frozen=True, slots=True)
class Operation:
    id: str
    kind: OperationKind
    state: OperationState
    request: Mapping[str, Any]
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    step: str | None
    progress: Progress | None
    result: Mapping[str, Any]
    error: str | None
    hint: str | None
    owner: Owner | None
    attempts: int

    @property
    def can_be_taken_back(self) -> bool:
        """What changes the cluster or removes from repositories, once begun, goes on to its end."""
        is_whole = self.kind in _ONLY_WHOLE and self.state is OperationState.RUNNING
        return not (self.state.is_over or is_whole)

    @property
    def is_orphan(self) -> bool:
        """It runs on paper, but its process is gone."""
        if self.state is not OperationState.RUNNING:
            return False
        return self.owner is None or not self.owner.is_alive()


class Journal:
    """The operations in the database of recovery."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self, kind: OperationKind, request: Mapping[str, Any], asked_by: str, now: datetime
    ) -> Operation:
        """Writes the intent. Raises ConflictError while another one of its lane is under way.

        One of the schedule that nobody has begun is cancelled instead: it becomes due again.
        """
        new = f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{kind.value}-{uuid.uuid4().hex[:6]}"
        with self._database.transaction():
            self._make_room(kind, asked_by, now)
            self._database.write(
                "INSERT INTO operations (id, kind, lane, state, request, asked_by, asked_at) "
                "VALUES (?, ?, ?, 'asked', ?, ?, ?)",
                (new, kind, _LANES[kind], json.dumps(request), asked_by, now.isoformat()),
            )
        return self.get(new)

    def claim(self, operation_id: str, now: datetime) -> Operation:
        """Makes the calling process the owner; also of one whose owner is gone.

        Raises ConflictError when it is over, or another living process has it.
        """
        owner = Owner.myself()
        with self._database.transaction():
            found = self.get(operation_id)
            if found.state.is_over:
                raise ConflictError(f"the operation {found.id} is over: it is {found.state.value}")
            if found.state is OperationState.RUNNING and not found.is_orphan:
                raise refused_by(found)
            self._database.write(
                "UPDATE operations SET state = 'running', pid = ?, ticks = ?, "
                "started_at = coalesce(started_at, ?), attempts = attempts + 1 WHERE id = ?",
                (owner.pid, owner.ticks, now.isoformat(), operation_id),
            )
        return self.get(operation_id)

    def note(self, operation_id: str, step: str, detail: Mapping[str, Any], now: datetime) -> None:
        """Records that a step was reached, with what the steps after it will need."""
        with self._database.transaction():
            self._database.write(
                "INSERT OR REPLACE INTO steps (operation, step, at, detail) VALUES (?, ?, ?, ?)",
                (operation_id, step, now.isoformat(), json.dumps(detail)),
            )
            self._database.write(
                "UPDATE operations SET step = ?, progress = NULL WHERE id = ?", (step, operation_id)
            )

    def noted(self, operation_id: str) -> dict[str, dict[str, Any]]:
        """The steps that were reached, in order, with their details."""
        found = self._database.rows(
            "SELECT step, detail FROM steps WHERE operation = ? ORDER BY rowid", (operation_id,)
        )
        return {step: json.loads(detail) for step, detail in found}

    def step_times(self, operation_id: str) -> list[tuple[str, datetime]]:
        found = self._database.rows(
            "SELECT step, at FROM steps WHERE operation = ? ORDER BY rowid", (operation_id,)
        )
        return [(step, datetime.fromisoformat(at)) for step, at in found]

    def progress(self, operation_id: str, progress: Progress) -> None:
        """For whoever looks on: where it cannot be noted, as on a full disk, the work goes on."""
        text = json.dumps(
            [progress.text, progress.done_bytes, progress.total_bytes, progress.bytes_per_s]
        )
        with suppress(LimitExceededError, UnavailableError):
            self._database.write(
                "UPDATE operations SET progress = ? WHERE id = ?", (text, operation_id)
            )

    def end(
        self,
        operation_id: str,
        state: OperationState,
        now: datetime,
        *,
        result: Mapping[str, Any] | None = None,
        error: str | None = None,
        hint: str | None = None,
    ) -> None:
        """Changes nothing of one that is over: it may have been taken back meanwhile."""
        self._database.write(
            "UPDATE operations SET state = ?, ended_at = ?, progress = NULL, result = ?, "
            "error = ?, hint = ? WHERE id = ? AND state IN ('asked', 'running')",
            (state, now.isoformat(), json.dumps(result or {}), error, hint, operation_id),
        )

    def take_back(self, operation_id: str, now: datetime) -> Operation:
        """Ends one that was asked for, or that runs: its process is killed, and what it did so far
        comes to nothing. Raises ConflictError for one that is over or may not be left half done."""
        found = self.get(operation_id)
        if not found.can_be_taken_back:
            raise ConflictError(
                f"{found.id} cannot be taken back: it is {found.state.value}",
                code="operation_begun",
            )
        self.end(found.id, OperationState.CANCELLED, now, error="it was taken back")
        if found.owner is not None:
            found.owner.kill()
        return self.get(operation_id)

    def cancel(self, operation_id: str, now: datetime) -> bool:
        """One that nobody has begun is over at once; whether it was."""
        changed = self._database.write(
            "UPDATE operations SET state = 'cancelled', ended_at = ? "
            "WHERE id = ? AND state = 'asked'",
            (now.isoformat(), operation_id),
        )
        return changed > 0

    def get(self, operation_id: str) -> Operation:
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM operations WHERE id = ?",  # noqa: S608 -- a constant
            (operation_id,),
        )
        if row is None:
            raise NotFoundError(f"there is no operation {operation_id}")
        return _operation(row)

    def under_way(self) -> list[Operation]:
        """Asked or running, in the order in which they were asked for, whatever the clock said."""
        return self._where("state IN ('asked', 'running') ORDER BY rowid", ())

    def has_asked(self) -> bool:
        """Whether an operation waits to be begun."""
        row = self._database.row("SELECT 1 FROM operations WHERE state = 'asked' LIMIT 1")
        return row is not None

    def recent(self, limit: int, kind: OperationKind | None = None) -> list[Operation]:
        if kind is None:
            return self._where("TRUE ORDER BY rowid DESC LIMIT ?", (limit,))
        return self._where("kind = ? ORDER BY rowid DESC LIMIT ?", (kind, limit))

    def _where(self, condition: str, values: tuple[Any, ...]) -> list[Operation]:
        sql = f"SELECT {_COLUMNS} FROM operations WHERE {condition}"  # noqa: S608 -- constants
        return [_operation(row) for row in self._database.rows(sql, values)]

    def _make_room(self, kind: OperationKind, asked_by: str, now: datetime) -> None:
        for other in self.under_way():
            if _LANES[other.kind] != _LANES[kind]:
                continue
            can_wait = other.asked_by == SCHEDULE != asked_by
            if not (can_wait and self.cancel(other.id, now)):
                raise refused_by(other)


def ask_patiently(
    journal: Journal,
    kind: OperationKind,
    request: Mapping[str, Any],
    asked_by: str,
    clock: Callable[[], datetime],
    patience_s: float = PATIENCE_S,
) -> Operation:
    """As `Journal.ask`, for a person: a pruning that the schedule has begun is waited for.

    It takes seconds. Raises ConflictError for anything else, and when that takes longer.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return journal.ask(kind, request, asked_by, clock())
        except ConflictError as error:
            other = journal.get(str(error.context["operation"]))
            is_brief = (other.kind, other.asked_by) == (OperationKind.PRUNE, SCHEDULE)
            if not is_brief or time.monotonic() > deadline:
                raise
        time.sleep(_POLL_S)


def refused_by(other: Operation) -> ConflictError:
    """What is said to who asks for something while the other one is under way."""
    since = other.started_at or other.asked_at
    holder = f"process {other.owner.pid}" if other.owner else "nobody yet"
    return ConflictError(
        f"a {other.kind.value} is under way since {since:%Y-%m-%d %H:%M:%S} UTC "
        f"({other.id}, {holder}, step {other.step or 'not begun'})",
        code="operation_under_way",
        hint="insight backup status shows it; wait for it"
        + (f", or: insight backup cancel {other.id}" if other.can_be_taken_back else ""),
        context={"operation": other.id},
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _operation(row: Row) -> Operation:
    (id_, kind, state, request, asked_by, asked_at, started, ended, step, progress) = row[:10]
    (result, error, hint, pid, ticks, attempts) = row[10:]
    return Operation(
        id=id_,
        kind=OperationKind(kind),
        state=OperationState(state),
        request=json.loads(request),
        asked_by=asked_by,
        asked_at=datetime.fromisoformat(asked_at),
        started_at=_moment(started),
        ended_at=_moment(ended),
        step=step,
        progress=Progress(*json.loads(progress)) if progress else None,
        result=json.loads(result or "{}"),
        error=error,
        hint=hint,
        owner=Owner(pid, ticks) if pid is not None else None,
        attempts=attempts,
    )
