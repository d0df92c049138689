"""One audit record for each write, whatever its outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request

from insightengine.core.errors import InsightError, UnavailableError
from insightengine.stores.port import AuditRecord
from insightengine.wiring.console import Services


@dataclass(slots=True)
class Entry:
    """What is known so far of the write; the handler may fill in more."""

    actor: str
    object: str


@asynccontextmanager
async def audited(
    request: Request, used: Services, action: str, object_: str, *, actor: str | None = None
) -> AsyncIterator[Entry]:
    """Records the outcome of the block: `done`, or the code of the error that ended it.

    A fault of ours is `internal`: what it had done by then is not known, and who asked for it is.
    """
    principal = getattr(request.state, "principal", None)
    entry = Entry(actor or (principal.email if principal else "nobody"), object_)
    try:
        yield entry
    except InsightError as error:
        with suppress(UnavailableError):  # the error that is under way says more
            await _write(request, used, entry, action, error.code)
        raise
    except Exception:
        with suppress(UnavailableError):
            await _write(request, used, entry, action, "internal")
        raise
    await _write(request, used, entry, action, "done")


async def _write(request: Request, used: Services, entry: Entry, action: str, outcome: str) -> None:
    await used.audit_log.add(
        AuditRecord(
            id=0,
            at=datetime.now(UTC),
            actor=_one_line(entry.actor),
            action=action,
            object=_one_line(entry.object),
            outcome=outcome,
            request_id=request.state.request_id,
            address=request.client.host if request.client else None,
        )
    )


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)[:255]
