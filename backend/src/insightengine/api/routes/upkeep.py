"""How long records are kept, and deletion of records by a search."""

from __future__ import annotations

from datetime import date, datetime

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from insightengine.api.access import Administrator, require
from insightengine.api.audit import audited
from insightengine.api.dependencies import Used
from insightengine.protection.access import Role
from insightengine.telemetry.port import Signal
from insightengine.telemetry.upkeep.commands import DeletionSignal, RetentionChange
from insightengine.telemetry.upkeep.deletion import State
from insightengine.telemetry.upkeep.retention_plan import Reason

router = APIRouter(
    prefix="/telemetry", tags=["upkeep"], dependencies=[Depends(require(Role.VIEWER))]
)


class ServiceRetention(BaseModel):
    signal: Signal
    service: str
    days: int


class Removal(BaseModel):
    """Records of `day` go on `removed_on`; `service` null means all that have no own days.

    On `cold_on` they move to the cold tier; null where there is none, or where they go before.
    """

    signal: Signal
    service: str | None
    day: date
    removed_on: date
    cold_on: date | None = None


class ColdTier(BaseModel):
    """After so many days, records move to the volume `cold` of a policy of the server."""

    policy: str
    days: dict[Signal, int]
    stored_bytes: int


class NextStep(BaseModel):
    """What the next sweep removes: all of a day, or services of it, or all except some."""

    table: str
    day: date
    reason: Reason
    services: list[str] | None = None
    except_services: list[str] | None = None


class RetentionReport(BaseModel):
    """Sizes are bytes on disk; `most_bytes` null means that size removes nothing.

    `cold` null means that the store has no cold tier.
    """

    default_days: int
    signals: dict[Signal, int]
    services: list[ServiceRetention]
    stored_bytes: int
    most_bytes: int | None
    cold: ColdTier | None
    removals: list[Removal]
    next: list[NextStep]
    next_bytes: int
    next_rows: int


class RetentionRequest(BaseModel):
    changes: list[RetentionChange] = Field(min_length=1, max_length=100)
    dry_run: bool = False


class DeletionProgress(BaseModel):
    """The job deletes from `table` now; `rows` went in the steps before."""

    step: int
    steps: int
    table: str
    rows: int


class Deletion(BaseModel):
    """A job. `deleted` counts rows by table when it is done; `detail` says why it failed, or what
    it could not reach.

    `progress` is of the one that runs. `awaited_segments` is how much of the spool has to be stored
    before it begins; both are null otherwise.
    """

    model_config = ConfigDict(populate_by_name=True)

    id: str
    state: State
    detail: str
    filter: dict[DeletionSignal, str]
    from_: datetime = Field(alias="from")
    to: datetime
    requested_at: datetime
    requested_by: str
    deleted: dict[str, int]
    progress: DeletionProgress | None = None
    awaited_segments: int | None = None


class DeletionRequest(BaseModel):
    """`logs` and `traces` are searches; at least one is needed."""

    logs: str | None = Field(None, max_length=2048)
    traces: str | None = Field(None, max_length=2048)
    from_: AwareDatetime = Field(alias="from")
    to: AwareDatetime
    dry_run: bool = False


class DeletionAnswer(BaseModel):
    """With `dry_run`, how many rows of each table would go; else the job."""

    deletion: Deletion | None
    would_delete: dict[str, int] | None


class DeletionList(BaseModel):
    items: list[Deletion]


@router.get("/retention")
async def retention(used: Used) -> RetentionReport:
    """How long records are kept, what is stored, and what is removed when."""
    told = await used.store_commands.give({"command": "show_retention"})
    return RetentionReport.model_validate(told)


@router.patch("/retention", dependencies=[Depends(require(Role.ADMINISTRATOR))])
async def change_retention(
    asked: RetentionRequest, principal: Administrator, request: Request, used: Used
) -> RetentionReport:
    """Decide how long records of a signal, or of a service of it, are kept."""
    changes = [change.model_dump(mode="json") for change in asked.changes]
    command = {
        "command": "change_retention",
        "changes": changes,
        "by": principal.email,
        "dry_run": asked.dry_run,
    }
    named = "; ".join(f"{c.signal}:{c.service or '*'}={c.days}" for c in asked.changes)
    action = "telemetry.retention.foresee" if asked.dry_run else "telemetry.retention"
    async with audited(request, used, action, named):
        told = await used.store_commands.give(command)
    return RetentionReport.model_validate(told)


@router.get("/deletions", dependencies=[Depends(require(Role.ADMINISTRATOR))])
async def deletions(used: Used) -> DeletionList:
    """Deletions that were asked for, the newest first, with what became of them."""
    told = await used.store_commands.give({"command": "list_deletions"})
    return DeletionList.model_validate(told)


@router.post("/deletions", status_code=202, dependencies=[Depends(require(Role.ADMINISTRATOR))])
async def request_deletion(
    asked: DeletionRequest, principal: Administrator, request: Request, used: Used
) -> DeletionAnswer:
    """Delete the records that searches find, as a job; nothing brings them back."""
    searches = {"logs": asked.logs, "traces": asked.traces}
    command = {
        "command": "request_deletion",
        "filter": {signal: search for signal, search in searches.items() if search},
        "from": asked.from_.isoformat(),
        "to": asked.to.isoformat(),
        "by": principal.email,
        "dry_run": asked.dry_run,
    }
    action = "telemetry.deletion.foresee" if asked.dry_run else "telemetry.deletion"
    async with audited(request, used, action, str(command["filter"])):
        told = await used.store_commands.give(command)
    return DeletionAnswer.model_validate(told)
