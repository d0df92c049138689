"""What the routes of releases take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from insightengine.core.released import Released
from insightengine.release.gates import Outcome
from insightengine.release.history import Judged, Part
from insightengine.release.models import OperationState
from insightengine.stores.journal.port import Entry
from insightengine.telemetry.models import ReleaseRequests
from insightengine.wiring.release_history import Listed, Story
from insightengine.wiring.releasing import Outlook, shown_operation


class Release(BaseModel):
    """`state` is `serving`, `warm` (kept running for a rollback) or `kept`."""

    id: str
    unit: str
    created_at: datetime
    created_by: str
    message: str
    state: str
    served_since: datetime | None
    label: str
    migrations: list[str]
    artefacts: dict[str, str]


class ReleaseList(BaseModel):
    items: list[Release]


class ReleaseState(BaseModel):
    """What serves now, and until when the previous release can be switched back to."""

    unit: str | None
    serving: str | None
    serving_since: datetime | None
    warm: str | None
    warm_until: datetime | None
    maintenance_by: str | None
    maintenance_since: datetime | None


class ReleaseChange(BaseModel):
    """One part that differs from the release before; null where there is none on that side."""

    part: Part
    name: str
    before: str | None
    after: str | None


class ReleaseOperation(BaseModel):
    """One deployment, rollback or clean-up. `held` says what the gates could not decide.

    `label` tells how its migrations can be taken back: instant, with-down-migration, forward-only.
    """

    id: int
    unit: str
    kind: str
    state: OperationState
    asked_by: str
    asked_at: datetime
    message: str
    release: str | None
    previous: str | None
    started_at: datetime | None
    ended_at: datetime | None
    summary: str
    failure: dict[str, Any] | None
    held: str | None
    cancelled_by: str | None
    label: str
    migrations: list[str]
    changes: list[ReleaseChange]


class ReleaseEntry(BaseModel):
    """A line of the journal. `phase` is intent, done, failed or note."""

    seq: int
    at: datetime
    step: str
    phase: str
    detail: dict[str, Any]


class GateFigure(BaseModel):
    """What one gate measured; `low` and `high` bound the estimate, in the unit of `limit`."""

    gate: str
    outcome: Outcome
    sentence: str
    limit: float
    new: float | None = None
    previous: float | None = None
    low: float | None = None
    high: float | None = None
    requests_new: int = 0
    requests_previous: int = 0


class GateVerdict(BaseModel):
    """`basis` says whose requests were counted: visitors or probes."""

    step: str
    at: datetime
    outcome: Outcome
    basis: str
    results: list[GateFigure]


class ReleaseApproval(BaseModel):
    by: str
    at: datetime
    why: str
    plan: str


class PointOfNoReturn(BaseModel):
    """After `step` the release before cannot come back by itself. `passed_at` is null before it."""

    step: str
    reason: str
    passed_at: datetime | None


class OperationDetail(BaseModel):
    """`left` are the steps that are still to be done; `plan` is what an approval of them names,
    null while nobody is waited for; `approval_refusal` is why the approval of whoever asks would
    not count."""

    operation: ReleaseOperation
    entries: list[ReleaseEntry]
    left: list[str]
    plan: str | None
    approvals: list[ReleaseApproval]
    verdicts: list[GateVerdict]
    point_of_no_return: PointOfNoReturn | None
    approval_refusal: str | None


class OperationTraffic(BaseModel):
    """Requests of the new and of the previous release; empty before any visitor moved."""

    moved_at: datetime | None
    step_s: int | None
    releases: list[ReleaseRequests]


class OperationList(BaseModel):
    items: list[ReleaseOperation]


class DeploymentRequest(BaseModel):
    message: str = Field("", max_length=500)
    forward_only: bool = Field(False, description="Migrate also when nothing takes it back.")


class RollbackRequest(BaseModel):
    release: str | None = Field(None, max_length=64, description="The previous one otherwise.")
    unit: Released = Released.APPLICATION


class Decision(BaseModel):
    plan: str = Field(max_length=64, description="The plan that was looked at.")
    why: str = Field("", max_length=500)


class Maintenance(BaseModel):
    closed: bool


def shown_listed(found: Listed) -> ReleaseOperation:
    return ReleaseOperation.model_validate(
        {
            **shown_operation(found.operation),
            "label": found.label,
            "migrations": list(found.migrations),
            "changes": [_fields(change) for change in found.changes],
        }
    )


def shown_entry(entry: Entry) -> ReleaseEntry:
    detail = dict(entry.detail)
    return ReleaseEntry(
        seq=entry.seq, at=entry.at, step=entry.step, phase=entry.phase.value, detail=detail
    )


def shown_story(found: Story, outlook: Outlook) -> OperationDetail:
    return OperationDetail(
        operation=shown_listed(found.listed),
        entries=[shown_entry(one) for one in found.entries],
        left=list(outlook.left),
        plan=outlook.plan,
        approvals=[ReleaseApproval.model_validate(_fields(one)) for one in found.approvals],
        verdicts=[_verdict(one) for one in found.verdicts],
        point_of_no_return=PointOfNoReturn.model_validate(_fields(found.no_return))
        if found.no_return
        else None,
        approval_refusal=found.refusal,
    )


def _verdict(found: Judged) -> GateVerdict:
    return GateVerdict.model_validate({**found.verdict, "step": found.step, "at": found.at})


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
