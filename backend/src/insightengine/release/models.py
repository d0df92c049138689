"""What a release is, and what is known while one is carried out. Values only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from insightengine.core.colours import Colour

ACCEPT = "accept"  # in place of a plan's hash: what the gates could not decide is accepted


class Label(StrEnum):
    """What a rollback has to do about the schema, decided before anything is changed."""

    INSTANT = "instant"  # the old code runs on the new schema: nothing
    WITH_DOWN = "with-down-migration"  # it may not; every migration can be taken back
    FORWARD_ONLY = "forward-only"  # it may not, and nothing takes it back


class ColourState(StrEnum):
    ABSENT = "absent"
    STARTING = "starting"
    HEALTHY = "healthy"
    SERVING = "serving"
    DRAINING = "draining"
    WARM = "warm"
    FAILED = "failed"


class Kind(StrEnum):
    """What an operation is for."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    RETIRE = "retire"  # the rollback window is over: the warm colour is stopped


class OperationState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for an approval
    HELD = "held"  # the gates could not decide: for a person to accept or take back
    DONE = "done"
    UNCHANGED = "unchanged"  # it served already
    PLANNED = "planned"  # only the plan was asked for
    REFUSED = "refused"  # before anything was changed
    FAILED = "failed"  # taken back; what served before serves
    CANCELLED = "cancelled"  # taken back because somebody asked for it

    @property
    def is_over(self) -> bool:
        return self in _OVER


_OVER = frozenset(
    {
        OperationState.DONE,
        OperationState.UNCHANGED,
        OperationState.PLANNED,
        OperationState.REFUSED,
        OperationState.FAILED,
        OperationState.CANCELLED,
    }
)


class StepKind(StrEnum):
    HOOK = "hook"
    BUILD = "build"
    INSPECT = "inspect"
    PROVISION = "provision"
    RESTORE_POINT = "restore-point"
    MIGRATE = "migrate"
    VERIFY_OLD = "verify-old"
    UNWARM = "unwarm"
    STOP = "stop"
    START = "start"
    HEALTH = "health"
    SMOKE = "smoke"
    EDGE = "edge"
    CANARY = "canary"
    SWITCH = "switch"
    PROVE = "prove"
    REPLACE = "replace"
    TESTS = "tests"
    WATCH = "watch"
    DRAIN = "drain"
    FINISH = "finish"
    # taking back
    SWITCH_BACK = "switch-back"
    PROVE_BACK = "prove-back"
    REPLACE_BACK = "replace-back"
    MIGRATE_DOWN = "migrate-down"
    STOP_FAILED = "stop-failed"
    FINISH_FAILED = "finish-failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. Idempotent: it may have been done already by somebody who was killed.

    `subject` tells steps of one kind apart: a service, a hook, a percentage. `colour` is the one
    that is acted on.
    """

    kind: StepKind
    subject: str = ""
    colour: Colour | None = None

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}" if self.subject else self.kind.value


@dataclass(frozen=True, slots=True)
class Failure:
    """The first step of an operation that failed, and why."""

    step: str
    code: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """A closed unit. Its id is made of its content: equal content is the same release.

    `artefacts` are digests by service, `config` the hash of the Compose file with the variables it
    was read with, `secrets` the versions of the secrets that its services get, `schema` the heads
    of its migrations by service.
    """

    unit: str
    artefacts: Mapping[str, str]
    config: str
    secrets: Mapping[str, str] = field(default_factory=dict)
    schema: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return digest_of(
            [
                self.unit,
                sorted(self.artefacts.items()),
                self.config,
                sorted(self.secrets.items()),
                sorted(self.schema.items()),
            ]
        )[:8]


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON of a value, in hexadecimal digits."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
