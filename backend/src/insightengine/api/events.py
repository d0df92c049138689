"""Server-sent events (WHATWG HTML, section 9.2)."""

from __future__ import annotations

from fastapi.responses import StreamingResponse
from pydantic import BaseModel


class EventStream(StreamingResponse):
    media_type = "text/event-stream"


def event(name: str, body: BaseModel, *, id_: int | None = None) -> str:
    """One event with its blank line; JSON holds no line break that could end it early."""
    number = f"id: {id_}\n" if id_ is not None else ""
    return f"{number}event: {name}\ndata: {body.model_dump_json()}\n\n"


def resumed_at(last_event_id: str | None, after: int) -> int:
    """Where to go on: what a browser saw before it lost the connection, else what was asked."""
    if last_event_id is not None and last_event_id.isascii() and last_event_id.isdigit():
        return int(last_event_id)
    return after
