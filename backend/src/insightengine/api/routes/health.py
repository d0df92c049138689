"""Whether the API lives, and whether what it depends on answers. Public, without secrets."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from insightengine.api.access import public
from insightengine.api.dependencies import Used
from insightengine.core.errors import InsightError
from insightengine.wiring.console import Check

router = APIRouter(prefix="/api/health", tags=["health"], dependencies=[Depends(public)])
NEEDED = frozenset({"postgres", "cache"})
_TIMEOUT_S = 1.0


class Condition(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


_KEPT_S = {Condition.OK: 1.0, Condition.DEGRADED: 0.2, Condition.UNAVAILABLE: 0.2}


class Dependency(BaseModel):
    status: Condition
    latency_ms: float
    detail: str | None = None


class Live(BaseModel):
    status: Condition = Condition.OK


class Ready(BaseModel):
    """`degraded`: the API works, but not all of it. `unavailable` (503): nobody can log in."""

    status: Condition
    dependencies: dict[str, Dependency]


@router.get("/live")
async def health_live() -> Live:
    """The API answers."""
    return Live()


@router.get("/ready", responses={503: {"model": Ready}})
async def health_ready(request: Request, response: Response, used: Used) -> Ready:
    """The state of each dependency. Asked at most once a second, however many ask.

    While something is amiss it is asked five times a second: whoever waits for it learns it soon.
    """
    kept: tuple[float, Ready] | None = getattr(request.app.state, "readiness", None)
    if kept is None or time.monotonic() - kept[0] > _KEPT_S[kept[1].status]:
        names = list(used.checks)
        found = await asyncio.gather(*(_look(used.checks[name]) for name in names))
        ready = judge(dict(zip(names, found, strict=True)))
        kept = (time.monotonic(), ready)
        request.app.state.readiness = kept
    if kept[1].status is Condition.UNAVAILABLE:
        response.status_code = 503
    return kept[1]


def judge(dependencies: dict[str, Dependency]) -> Ready:
    """Unavailable when what is needed is out, degraded when anything is."""
    out = {name for name, found in dependencies.items() if found.status is not Condition.OK}
    if out & NEEDED:
        return Ready(status=Condition.UNAVAILABLE, dependencies=dependencies)
    status = Condition.DEGRADED if out else Condition.OK
    return Ready(status=status, dependencies=dependencies)


async def _look(check: Check) -> Dependency:
    started = time.perf_counter()
    status, detail = Condition.OK, None
    try:
        await asyncio.wait_for(check(), _TIMEOUT_S)
    except TimeoutError:
        status, detail = Condition.UNAVAILABLE, f"no answer within {_TIMEOUT_S:g} s"
    except (InsightError, OSError) as error:
        status, detail = Condition.UNAVAILABLE, str(error) or error.__class__.__name__
    latency_ms = round((time.perf_counter() - started) * 1000, 1)
    return Dependency(status=status, latency_ms=latency_ms, detail=detail)
