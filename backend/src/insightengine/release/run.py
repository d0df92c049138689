"""One operation while it is carried out: its journal, its lease, and whether it was cancelled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from insightengine.core.errors import ConflictError, InsightError
from insightengine.release.means import Means
from insightengine.release.models import StepKind
from insightengine.release.observed import Goal, Progress
from insightengine.runtimes.port import Unit
from insightengine.stores.journal.port import (
    Json,
    Lease,
    LeaseLostError,
    Operation,
    Phase,
    StoredRelease,
)

LEASE_S = 10.0


class CancelledError(ConflictError):
    """Somebody asked for the operation to be taken back."""

    default_code = "cancelled"


class HeldError(ConflictError):
    """The gates could not decide; a person has to."""

    default_code = "inconclusive"


@dataclass(slots=True)
class Run:
    """What the steps of one operation share. `unit` and `old` are known once it is prepared."""

    means: Means
    lease: Lease
    operation: Operation
    goal: Goal | None = None
    stored: StoredRelease | None = None
    unit: Unit | None = None
    old: Unit | None = None
    lost: threading.Event | None = None

    def begin(self, step: str, detail: Json | None = None) -> None:
        self._note(step, Phase.INTENT, detail or {})

    def done(self, step: str, detail: Json | None = None) -> None:
        self._note(step, Phase.DONE, detail or {})

    def failed(self, step: str, error: InsightError) -> None:
        detail: dict[str, object] = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint or "",
        }
        if "verdict" in error.context:  # the numbers stay beside the decision
            detail |= {"verdict": error.context["verdict"]}
        self._note(step, Phase.FAILED, detail)

    def tell(self, step: str, line: str) -> None:
        self._note(step, Phase.NOTE, {"line": line[:2000]})

    def _note(self, step: str, phase: Phase, detail: Json) -> None:
        self.refuse_lost()
        now = self.means.now()
        self.means.journal.note(self.lease, self.operation.id, step, phase, detail, now)

    def update(self, **changes: object) -> None:
        self.operation = replace(self.operation, **changes)  # type: ignore[arg-type]
        self.means.journal.update(self.lease, self.operation)

    def refresh(self) -> None:
        """Takes over what others wrote: a cancellation, an acceptance."""
        self.operation = self.means.journal.operation(self.operation.id)

    def refuse_lost(self) -> None:
        """Raises LeaseLostError when another releaser may have taken over."""
        if self.lost is not None and self.lost.is_set():
            raise LeaseLostError("the lease was lost", hint="insight release watch")

    def refuse_cancelled(self) -> None:
        """Raises CancelledError. Called in everything that may take long."""
        self.refuse_lost()
        by = self.means.journal.operation(self.operation.id).cancelled_by
        if by is not None:
            raise CancelledError(f"{by} cancelled it")

    def progress(self) -> Progress:
        """By the journal, in the order it was written."""
        progress = Progress()
        for entry in self.means.journal.entries(self.operation.id):
            if entry.phase is Phase.INTENT:
                progress = progress.begin(entry.step)
            elif entry.phase is Phase.DONE:
                progress = progress.succeed(entry.step)
        return progress

    def since(self, step: str) -> datetime:
        """When the step was first begun; a successor goes on with the same time."""
        for entry in self.means.journal.entries(self.operation.id):
            if entry.step == step and entry.phase is Phase.INTENT:
                return entry.at
        return self.means.now()

    def is_begun(self, kind: StepKind) -> bool:
        return kind in self.progress().begun


@contextmanager
def heartbeat(means: Means, lease: Lease) -> Iterator[threading.Event]:
    """Renews the lease until the block ends; the event is set when it was lost."""
    lost, over = threading.Event(), threading.Event()

    def beat() -> None:
        while not over.wait(LEASE_S / 3):
            try:
                means.journal.renew(lease, LEASE_S)
            except InsightError:
                lost.set()
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        thread.join()
