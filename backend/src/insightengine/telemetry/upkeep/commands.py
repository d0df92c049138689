"""Upkeep as the store process offers it: a thread that sweeps, and commands as JSON."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from insightengine.core.errors import InsightError, InvalidInputError
from insightengine.core.time import TimeRange
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema.layout import Layout
from insightengine.telemetry.store_query import StoreQueryError
from insightengine.telemetry.upkeep.arrivals import Arrivals
from insightengine.telemetry.upkeep.copies import Copies, TakenIn
from insightengine.telemetry.upkeep.deletion import Deletion, Deletions
from insightengine.telemetry.upkeep.retention import Change, Executor, Retention

_log = structlog.get_logger("telemetry.upkeep")
_SWEEP_S: Final = 60.0
_LOOK_AGAIN_S: Final = 1.0  # at the spool that a deletion waits for


class DeletionSignal(StrEnum):
    LOGS = "logs"
    TRACES = "traces"


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RetentionChange(_Command):
    """`days` null takes a service's own retention back."""

    signal: Signal
    service: str | None = Field(None, min_length=1, max_length=255)
    days: int | None = None


class ShowRetention(_Command):
    command: Literal["show_retention"]


class ChangeRetention(_Command):
    command: Literal["change_retention"]
    changes: tuple[RetentionChange, ...] = Field(min_length=1, max_length=100)
    by: str = Field(max_length=255)
    dry_run: bool = False


class RequestDeletion(_Command):
    """With `dry_run` only counts what would go."""

    command: Literal["request_deletion"]
    filter: dict[DeletionSignal, str]
    from_: datetime = Field(alias="from")
    to: datetime
    by: str = Field(max_length=255)
    dry_run: bool = False


class ListDeletions(_Command):
    command: Literal["list_deletions"]


class CopyRecords(_Command):
    """What backups and restores need: links of all parts, and parts that came back."""

    command: Literal["freeze", "thaw", "stored", "take_in"]


Command = Annotated[
    ShowRetention | ChangeRetention | RequestDeletion | ListDeletions | CopyRecords,
    Field(discriminator="command"),
]
_COMMANDS: Final[TypeAdapter[Command]] = TypeAdapter(Command)


class Upkeep:
    """One thread runs it, others give commands; the engine allows both at once, one at a time."""

    def __init__(
        self,
        executor: Executor,
        *,
        default_days: int,
        most_bytes: int | None,
        layout: Layout | None = None,
        copies: Copies | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        self._copies = copies
        self._retention = Retention(
            executor, default_days=default_days, most_bytes=most_bytes, layout=layout
        )
        self._deletions = Deletions(executor, layout=layout, arrivals=arrivals)
        self._wake = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Until `stop`: sweeps once a minute and when something was decided, and runs deletions."""
        is_due = True
        while not stop.is_set():
            self._wake.clear()
            try:
                if is_due:
                    self._retention.sweep()
                while not stop.is_set() and self._deletions.run_next():
                    pass
            except (StoreQueryError, InsightError):
                _log.exception("upkeep is tried again in a minute")
            pause_s = _LOOK_AGAIN_S if self._deletions.is_waiting else _SWEEP_S
            waited = 0.0
            while waited < pause_s and not stop.is_set() and not self._wake.wait(0.25):
                waited += 0.25
            is_due = self._wake.is_set() or not self._deletions.is_waiting

    def answer(self, command: bytes) -> Mapping[str, object]:
        """Raises InvalidInputError for what is no command."""
        try:
            given = _COMMANDS.validate_json(command)
        except ValidationError as error:
            raise InvalidInputError(f"no command of the store: {error}") from None
        match given:
            case ShowRetention():
                return self._retention.report()
            case ChangeRetention():
                return self._change(given)
            case RequestDeletion():
                return self._delete(given)
            case ListDeletions():
                return {"items": [self._shown(one) for one in self._deletions.newest()]}
            case CopyRecords():
                return self._copy(given.command)

    def take_in(self) -> TakenIn:
        """Records that a restore brought; what was deleted of them before is deleted again."""
        taken = self._required_copies().take_in()
        if taken.parts:
            self._deletions.repeat()
            self._wake.set()
        return taken

    def _copy(self, command: str) -> Mapping[str, object]:
        copies = self._required_copies()
        match command:
            case "freeze":
                return copies.freeze()
            case "thaw":
                return copies.thaw()
            case "stored":
                return copies.stored()
        return asdict(self.take_in())

    def _required_copies(self) -> Copies:
        if self._copies is None:
            raise InvalidInputError(
                "telemetry lies on a ClickHouse server of its own, whose files are not here",
                hint="take telemetry out of x-insight.backup.include; ClickHouse: BACKUP DATABASE",
            )
        return self._copies

    def _change(self, given: ChangeRetention) -> Mapping[str, object]:
        changes = [Change(one.signal, one.service, one.days) for one in given.changes]
        report = self._retention.change(changes, given.by, dry_run=given.dry_run)
        if not given.dry_run:
            self._wake.set()
        return report

    def _delete(self, given: RequestDeletion) -> Mapping[str, object]:
        asked = _range(given)
        searches = {signal.value: search for signal, search in given.filter.items()}
        if given.dry_run:
            return {"deletion": None, "would_delete": self._deletions.count(searches, asked)}
        made = self._deletions.request(searches, asked, given.by)
        self._wake.set()
        return {"deletion": self._shown(made), "would_delete": None}

    def _shown(self, one: Deletion) -> Mapping[str, object]:
        progress = self._deletions.progress_of(one.id)
        return {
            **shown(one),
            "progress": asdict(progress) if progress else None,
            "awaited_segments": self._deletions.awaited_by(one.id),
        }


def _range(given: RequestDeletion) -> TimeRange:
    try:
        return TimeRange(given.from_, given.to)
    except ValueError as error:
        raise InvalidInputError(f"from {given.from_} to {given.to}: {error}") from None


def shown(one: Deletion) -> Mapping[str, object]:
    return {
        "id": one.id,
        "state": one.state.value,
        "detail": one.detail,
        "filter": dict(one.filter),
        "from": one.range.start.isoformat(),
        "to": one.range.end.isoformat(),
        "requested_at": one.requested_at.isoformat(),
        "requested_by": one.requested_by,
        "deleted": dict(one.deleted),
    }
