"""The journal and catalogue of releases: what was asked, begun and done, and what can come back.

Content that only the release engine understands is JSON here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from insightengine.core.errors import ConflictError

Json = Mapping[str, object]
ACTIVE = ("queued", "running", "waiting", "held")  # states of operations that are under way


class Phase(StrEnum):
    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"  # something worth telling while a step runs


class LeaseLostError(ConflictError):
    """Another process carries out the operations of this unit now; stop at once."""

    default_code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on a unit until it expires; `epoch` grows with each holder."""

    unit: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants, before it has a number."""

    unit: str
    kind: str
    by: str
    message: str = ""
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One release, rollback or clean-up, from the request to its outcome.

    `facts` is what its inspection found, None before it; `failure` and `held` say why it is taken
    back or waits for a person.
    """

    id: int
    unit: str
    kind: str
    state: str
    asked_by: str
    asked_at: datetime
    message: str
    parameters: Json
    release: str | None = None
    previous: str | None = None
    facts: Json | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    summary: str = ""
    failure: Json | None = None
    held: str | None = None
    cancelled_by: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal."""

    seq: int
    operation: int
    at: datetime
    step: str
    phase: Phase
    detail: Json


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A closed unit. `config` holds the environment of its services: never show it."""

    unit: str
    id: str
    content: Json
    config: Json = field(repr=False)
    created_at: datetime
    created_by: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Somebody approved the plan of that hash."""

    operation: int
    plan: str
    by: str
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class UnitState:
    """What is remembered of an application between operations."""

    unit: str
    serving: str | None = None
    serving_since: datetime | None = None
    warm: str | None = None  # the release in the other colour, while it is kept
    warm_until: datetime | None = None
    maintenance_by: str | None = None
    maintenance_since: datetime | None = None
    maintenance_text: str = ""


class Journal(Protocol):
    """Every write is durable when the call returns. Raises UnavailableError when it cannot be."""

    # Asking
    def ask(self, asked: Asked, at: datetime) -> Operation:
        """Queue an operation. Raises ConflictError that names the one already under way."""

    def cancel(self, operation: int, by: str) -> Operation:
        """Ask for it to be taken back. Raises ConflictError when it is over."""

    def agree(self, agreed: Agreed) -> None: ...
    def agreements(self, operation: int) -> Sequence[Agreed]: ...

    # Acting
    def take(self, unit: str, ttl_s: float) -> Lease | None:
        """The lease, when it is free, expired, or its holder is a dead process of this machine."""

    def renew(self, lease: Lease, ttl_s: float) -> None:
        """Raises LeaseLostError."""

    def give_back(self, lease: Lease) -> None: ...
    def note(
        self, lease: Lease, operation: int, step: str, phase: Phase, detail: Json, at: datetime
    ) -> Entry:
        """Raises LeaseLostError, and then nothing was written."""

    def update(self, lease: Lease, operation: Operation) -> None:
        """Replace what is known of an operation, but who cancelled it. Raises LeaseLostError."""

    # Looking
    def operation(self, operation: int) -> Operation:
        """Raises NotFoundError."""

    def active(self, unit: str | None = None) -> Sequence[Operation]:
        """Operations that are under way, the oldest first."""

    def operations(
        self, unit: str | None, before: int | None, limit: int, *, besides: str | None = None
    ) -> Sequence[Operation]:
        """The newest first, of one unit or of all but `besides`."""

    def entries(self, operation: int, after: int = 0) -> Sequence[Entry]: ...
    def change_counter(self) -> int:
        """Differs from what it was when anybody wrote in between; cheap enough to poll."""

    # Catalogue
    def keep(self, release: StoredRelease) -> None:
        """Idempotent: a release of that id is left as it is."""

    def release(self, unit: str, id_: str) -> StoredRelease:
        """The release whose id is or begins with `id_`. Raises NotFoundError, ConflictError."""

    def releases(self, unit: str | None = None) -> Sequence[StoredRelease]:
        """The newest first."""

    def forget(self, unit: str, id_: str) -> None: ...
    def unit(self, unit: str) -> UnitState: ...
    def units(self) -> Sequence[UnitState]: ...
    def remember(self, state: UnitState) -> None:
        """What serves and what is warm. Maintenance is left as it is: people turn it on and off
        while a release goes on, which read the state before."""

    def maintain(self, unit: str, by: str | None, since: datetime | None) -> UnitState:
        """Closed by whom and since when, or open (None); what serves is left as it is."""

    def served(self, unit: str) -> Sequence[tuple[str, datetime]]:
        """Which release began to serve when, the newest first."""
