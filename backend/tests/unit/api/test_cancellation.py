from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

from insightengine.api.cancellation import CancelWhenGone

GET: Scope = {"type": "http", "method": "GET", "path": "/"}
POST: Scope = {"type": "http", "method": "POST", "path": "/"}


class Client:
    """Sends a request, and may leave."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        self.sent: list[Message] = []
        self._first = True

    async def receive(self) -> Message:
        if self._first:
            self._first = False
            return {"type": "http.request", "body": b"asked", "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


class Application:
    def __init__(self) -> None:
        self.started, self.go_on = asyncio.Event(), asyncio.Event()
        self.outcome = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["body"] == b"asked"
        self.started.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.outcome = "cancelled"
            raise
        await send({"type": "http.response.start", "status": 200})
        self.outcome = "answered"


async def answered(scope: Scope, *, leaves: bool) -> tuple[Application, Client]:
    application, client = Application(), Client()
    request = asyncio.create_task(CancelWhenGone(application)(scope, client.receive, client.send))
    await application.started.wait()
    if leaves:
        client.left.set()
        await asyncio.sleep(0)
    if not leaves or scope is POST:
        application.go_on.set()
    await request
    return application, client


async def test_a_read_whose_client_left_is_cancelled() -> None:
    application, client = await answered(GET, leaves=True)
    assert (application.outcome, client.sent) == ("cancelled", [])


async def test_a_write_whose_client_left_is_finished() -> None:
    application, _ = await answered(POST, leaves=True)
    assert application.outcome == "answered"


async def test_a_client_that_waits_is_answered() -> None:
    application, client = await answered(GET, leaves=False)
    assert application.outcome == "answered"
    assert client.sent[0]["status"] == 200
