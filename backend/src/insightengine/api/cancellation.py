"""Ends the work on a request whose client left, and with it what the request asked the store."""

from __future__ import annotations

import asyncio

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger("api.access")


class CancelWhenGone:
    """For requests that read. One that writes is finished: its client may ask what became of it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        first = await receive()
        gone = asyncio.Event()
        watching = asyncio.create_task(_watch(receive, gone))
        answering = asyncio.ensure_future(self._app(scope, _replayed(first, gone), send))
        try:
            await asyncio.wait((answering, watching), return_when=asyncio.FIRST_COMPLETED)
            await _finished(answering, gone, scope["path"])
        finally:
            answering.cancel()
            watching.cancel()


async def _finished(answering: asyncio.Future[None], gone: asyncio.Event, path: str) -> None:
    if not gone.is_set():
        await answering
        return
    answering.cancel()
    try:
        await answering
    except asyncio.CancelledError:
        _log.info("the client left before the answer", path=path)


async def _watch(receive: Receive, gone: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _replayed(first: Message, gone: asyncio.Event) -> Receive:
    """What the application receives: the request, and then that its client left."""
    left = [first]

    async def receive() -> Message:
        if left:
            return left.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    return receive
