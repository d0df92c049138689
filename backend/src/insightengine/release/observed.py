"""What an operation is to reach, and what is known of the world. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from insightengine.application.policy import Approval, Hook
from insightengine.core.colours import Colour
from insightengine.release.models import Failure, Kind, Label, StepKind

PROVED_OF_A_START = frozenset(
    map(str, (StepKind.START, StepKind.HEALTH, StepKind.SMOKE, StepKind.EDGE))
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What one operation is to reach, as known once its release was built and inspected.

    `canary` are percentages; `checks` says that the gates are to watch. `unchecked` are services
    without a health check, `unsafe` findings of the migrations' lint that refuse the release, and
    `breaking` those that break old code. `schema_blocks` says why the schema does not allow it.
    """

    kind: Kind
    release: str
    previous: str | None = None
    hooks: frozenset[Hook] = frozenset()
    canary: tuple[int, ...] = ()
    has_migrations: bool = False
    has_down: bool = False
    label: Label = Label.INSTANT
    has_smoke: bool = False
    has_singles: bool = False
    has_tests: bool = False
    checks: bool = True
    stays_warm: bool = True
    unchecked: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    breaking: tuple[str, ...] = ()
    schema_blocks: str | None = None
    takes_schema_back: bool = False  # a rollback over migrations that have to be taken back
    approval: Approval = Approval.NONE
    asked_by: str = ""
    accepts_forward_only: bool = False


@dataclass(frozen=True, slots=True)
class ColourFacts:
    """What runs in a colour. `release` is None when nothing does."""

    release: str | None = None
    instances: int = 0
    failing: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """Somebody agreed to the plan of that hash."""

    plan: str
    by: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Keys of the steps that the journal knows as begun, and as done.

    A colour that is started again has to prove itself again: its earlier checks do not count.
    """

    begun: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()

    def begin(self, key: str) -> Progress:
        lapsed = PROVED_OF_A_START if key == StepKind.START else frozenset[str]()
        return Progress(self.begun | {key}, self.done - lapsed)

    def succeed(self, key: str) -> Progress:
        return Progress(self.begun, self.done | {key})


@dataclass(frozen=True, slots=True)
class Observed:
    """The world, and what the journal holds of this operation.

    `serving` is the colour that the edge sends requests to, None before the first release; `share`
    the percentage of them that the other colour gets instead; `may_step_in` says that the other one
    answers when the serving one does not. `warm_until` is when the rollback window of the other
    colour ends.
    """

    serving: Colour | None = None
    share: int = 0
    may_step_in: bool = False
    colours: Mapping[Colour, ColourFacts] = field(default_factory=dict)
    wanted_instances: int = 1
    progress: Progress = Progress()
    failure: Failure | None = None
    cancelled_by: str | None = None
    held: str | None = None  # why the gates could not decide, until somebody accepts it
    agreements: tuple[Agreement, ...] = ()
    warm_until: datetime | None = None

    @property
    def begun(self) -> frozenset[str]:
        return self.progress.begun

    @property
    def done(self) -> frozenset[str]:
        return self.progress.done

    def of(self, colour: Colour) -> ColourFacts:
        return self.colours.get(colour, ColourFacts())

    @property
    def serving_release(self) -> str | None:
        return self.of(self.serving).release if self.serving else None
