"""What helps to search: facets, completions, context, live entries; and exceptions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query

from insightengine.api.access import require
from insightengine.api.events import EventStream, event
from insightengine.api.routes.filters import Logs
from insightengine.api.routes.ranges import Range, Searches, Service, StepSeconds
from insightengine.core.errors import InsightError, LimitExceededError
from insightengine.protection.access import Role
from insightengine.telemetry.query import LogFilter, SearchQueries
from insightengine.telemetry.search_models import (
    CompletionList,
    ErrorGroupList,
    ExceptionDetail,
    FacetList,
    LogContext,
    LogPatternList,
    LogTail,
    Signals,
)

router = APIRouter(
    prefix="/telemetry", tags=["search"], dependencies=[Depends(require(Role.VIEWER))]
)
_MOST_TAILS: Final = 20  # in one process; each asks the store once a second
_tails = 0


@router.get("/logs/facets")
async def facets(asked: Range, wanted: Logs, searches: Searches) -> FacetList:
    """Values that entries have, and how many of each."""
    return await searches.facets(asked, wanted)


@router.get("/logs/patterns")
async def patterns(asked: Range, wanted: Logs, searches: Searches) -> LogPatternList:
    """Texts of entries without what differs each time, and how many entries have each."""
    return await searches.patterns(asked, wanted)


@router.get("/completions")
async def completions(
    searches: Searches,
    q: Annotated[str, Query(max_length=2048, description="What is typed so far.")] = "",
    position: Annotated[int | None, Query(ge=0, description="Of the cursor; the end.")] = None,
    signals: Signals = Signals.LOGS,
) -> CompletionList:
    """Names and values that may stand at the cursor."""
    return await searches.completions(signals, q, position)


@router.get("/logs/{entry_id}/context")
async def context(
    entry_id: Annotated[str, Path(max_length=64)],
    wanted: Logs,
    searches: Searches,
    count: Annotated[int, Query(ge=1, le=200, description="Most entries on each side.")] = 20,
) -> LogContext:
    """Entries just before and after one; give its `service` to see only those of its service."""
    return await searches.context(entry_id, wanted, count)


@router.get(
    "/logs/tail",
    response_class=EventStream,
    responses={
        200: {
            "description": "Events `entries`, whose data is a LogTail; comments in between.",
            "model": LogTail,
        }
    },
)
async def tail(wanted: Logs, searches: Searches) -> EventStream:
    """New entries as they are stored, as server-sent events, until the client leaves."""
    if _tails >= _MOST_TAILS:
        raise LimitExceededError(
            f"{_MOST_TAILS} live tails are open already",
            code="too_many_tails",
            hint="close one, or ask GET /telemetry/logs again and again",
        )
    return EventStream(_events(searches, wanted), headers={"X-Accel-Buffering": "no"})


async def _events(searches: SearchQueries, wanted: LogFilter) -> AsyncIterator[str]:
    """An error ends the stream with an event that says why; a browser then connects again."""
    global _tails
    _tails += 1
    try:
        async for part in searches.tail(wanted):
            if part.items:
                yield event("entries", part)
            else:
                yield ": nothing new\n\n"
    except InsightError as error:
        yield f"event: failed\ndata: {error.message.splitlines()[0]}\n\n"
    finally:
        _tails -= 1


@router.get("/exceptions")
async def exceptions(asked: Range, searches: Searches, service: Service = None) -> ErrorGroupList:
    """Exceptions by group, the most frequent first."""
    return await searches.exceptions(asked, service)


@router.get("/exceptions/{group_id}")
async def exception(
    group_id: Annotated[str, Path(max_length=64)],
    asked: Range,
    searches: Searches,
    step_s: StepSeconds = None,
) -> ExceptionDetail:
    """One group: how often over time, and its newest occurrences with their stack traces."""
    return await searches.exception(asked, group_id, step_s)
