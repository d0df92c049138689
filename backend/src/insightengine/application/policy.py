"""How an application wants to be released: `x-insight.release`, and what its services say to it.

Frozen values only. Durations are seconds; ratios are fractions, 0.01 for one percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Approval(StrEnum):
    """Who has to agree to a plan before it is carried out."""

    NONE = "none"
    ANYBODY = "anybody"
    ANOTHER = "another"  # not the one who asked for the release


class OnInconclusive(StrEnum):
    """What happens when the gates could not decide until the time limit."""

    HOLD = "hold"  # both colours stay up until a person decides
    ACCEPT = "accept"
    ROLL_BACK = "roll-back"


class Lint(StrEnum):
    """What findings that endanger locks and scans do; those that break old code always refuse."""

    WARN = "warn"
    REFUSE = "refuse"


class Hook(StrEnum):
    """When a command of the application is run; they hold no lock of their own."""

    BEFORE_BUILD = "before-build"
    BEFORE_MIGRATE = "before-migrate"
    BEFORE_SWITCH = "before-switch"
    AFTER_SWITCH = "after-switch"
    ON_ROLLBACK = "on-rollback"


@dataclass(frozen=True, slots=True)
class SmokeRequest:
    """A request to a colour that nobody uses yet, and what has to come back.

    `status` None allows 200 to 399. `contains` is looked for in the first MiB of the body.
    """

    path: str
    method: str = "GET"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    contains: str | None = None
    within_s: float = 5.0


class MigrationKind(StrEnum):
    ALEMBIC = "alembic"
    SQL = "sql"  # a folder of NAME.up.sql and NAME.down.sql
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Migrations:
    """How the schema of a service's database is brought to a version.

    `source` is the alembic.ini or the folder, relative to the service's source. `database` names
    the service whose database it is. Of kind `command`, `up` is run to migrate, `down` (if any) to
    take the last release's back, `sql` (if any) prints what would be executed.
    """

    kind: MigrationKind
    source: str = ""
    database: str | None = None
    up: tuple[str, ...] = ()
    down: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    lock_timeout_s: float = 2.0
    statement_timeout_s: float = 60.0
    attempts: int = 5
    timeout_s: float = 600.0
    allow: tuple[str, ...] = ()  # rules whose findings were looked at and are accepted


@dataclass(frozen=True, slots=True)
class MetricGate:
    """A metric of the telemetry store whose mean over the watch must stay at or below `at_most`."""

    name: str
    at_most: float


@dataclass(frozen=True, slots=True)
class GateLimits:
    """When the new release is worse than the previous one, or worse than can be accepted.

    A p95 that is slower by less than `p95_floor_s` is not worth a rollback, whatever its ratio.
    """

    error_increase: float = 0.01
    p95_ratio: float = 1.2
    p95_floor_s: float = 0.005
    most_errors: float = 0.10
    slowest_p95_s: float | None = None
    least_requests: int = 50
    most_restarts: int = 0
    memory_ratio: float = 2.0
    metrics: tuple[MetricGate, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """Everything `x-insight.release` can say, with its defaults.

    The new release is watched for `watch_s`; when the gates cannot decide by then, up to
    `watch_limit_s`. Latency counts only after `warm_up_s`: caches are empty at first. `canary` are
    the percentages of visitors that it gets before all do.
    """

    rollback_window_s: float = 900.0
    drain_timeout_s: float = 30.0
    watch_s: float = 30.0
    watch_limit_s: float = 300.0
    warm_up_s: float = 3.0
    on_inconclusive: OnInconclusive = OnInconclusive.HOLD
    gates: GateLimits = field(default_factory=GateLimits)
    canary: tuple[int, ...] = ()
    canary_step_s: float = 60.0
    hooks: Mapping[Hook, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    tests: tuple[tuple[str, ...], ...] = ()
    notify: tuple[str, ...] = ()
    approval: Approval = Approval.NONE
    lint: Lint = Lint.WARN
    keep: int = 10
    keep_s: float = 30 * 86400.0
