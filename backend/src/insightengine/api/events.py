"""Server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

_MOST_DIGITS = 18  # of a number that the journal can hold


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


def event(name: str, body: BaseModel, *, id_: int | None = None) -> str:
    """One event with its blank line; JSON holds no line break that could end it early."""
    number = f"id: {id_}\n" if id_ is not None else ""
    return f"{number}event: {name}\ndata: {body.model_dump_json()}\n\n"


async def followed(
    look: Callable[[], tuple[Sequence[str], bool]], every_s: float
) -> AsyncIterator[str]:
    """What `look` finds to tell, each time, and whether that was the end. It runs in a thread."""
    while True:
        told, is_over = await asyncio.to_thread(look)
        for one in told:
            yield one
        if is_over:
            return
        await asyncio.sleep(every_s)


def resumed_at(last_event_id: str | None, after: int) -> int:
    """Where to go on: what a browser saw before it lost the connection, else what was asked."""
    given = last_event_id or ""
    if given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS:
        return int(given)
    return after
