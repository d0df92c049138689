"""The server over real sockets, with a handler that answers when a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from insightengine.telemetry.receive.exchange import Answer, Budget, Head
from insightengine.telemetry.receive.http1 import HttpServer

MAX_BODY = 100_000


@dataclass
class Recorder:
    """Keeps what it is asked; answers at once unless it `holds`."""

    holds: bool = False
    refuses: str = ""
    requests: list[tuple[Head, bytes]] = field(default_factory=list)
    pending: list[Callable[[Answer], None]] = field(default_factory=list)

    def refusal(self, head: Head) -> Answer | None:
        return Answer(403, "text/plain", b"no") if head.path == self.refuses else None

    def handle(self, head: Head, body: bytes, answer: Callable[[Answer], None]) -> None:
        self.requests.append((head, body))
        if self.holds:
            self.pending.append(answer)
        else:
            answer(Answer(200, "text/plain", b"got %d" % len(body)))

    def malformed(self, message: str) -> Answer:
        return Answer(400, "text/plain", message.encode())

    def too_large(self, head: Head) -> Answer:
        return Answer(413, "text/plain", b"")

    def busy(self, head: Head) -> Answer:
        return Answer(503, "text/plain", b"")


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, content: bytes) -> None:
        self.writer.write(content)
        await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            line, *fields = head.strip().split("\r\n")
            headers = dict(each.lower().split(": ", 1) for each in fields)
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(line.split()[1]), headers, body

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            return await self.reader.read() == b""


@dataclass
class Running:
    server: HttpServer
    handler: Recorder
    port: int
    stop: asyncio.Event
    serving: asyncio.Task[None]
    clients: list[Client] = field(default_factory=list)

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def until_asked(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.handler.requests) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(handler: Recorder, budget: int = 1_000_000) -> AsyncIterator[Running]:
    server = HttpServer(handler, MAX_BODY, Budget(budget))
    port = await server.listen("127.0.0.1", 0)
    stop = asyncio.Event()
    one = Running(server, handler, port, stop, asyncio.create_task(server.serve(stop)))
    try:
        yield one
    finally:
        for client in one.clients:
            client.writer.close()
            with suppress(OSError):
                await client.writer.wait_closed()
        stop.set()
        await one.serving
        assert server.budget.used == 0, "memory was taken and not given back"


def post(body: bytes, *headers: str, path: str = "/", version: str = "1.1") -> bytes:
    extra = "".join(f"{header}\r\n" for header in headers)
    head = f"POST {path} HTTP/{version}\r\nHost: x\r\n{extra}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def test_requests_on_one_connection_are_answered_in_turn() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        for size in (3, 0, 70_000):
            await client.send(post(b"x" * size))
            status, headers, body = await client.answer()
            assert (status, body) == (200, b"got %d" % size)
            assert headers["date"]
    head, body = one.handler.requests[0]
    assert (head.method, head.path, head.header(b"host"), body) == ("POST", "/", "x", b"xxx")


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with running(Recorder(holds=True)) as one:
        client = await one.connect()
        await client.send(post(b"1") + post(b"22") + post(b"333"))
        for number in (1, 2, 3):
            await one.until_asked(number)
            await asyncio.sleep(0)
            assert len(one.handler.requests) == number, "the next waits for the answer of this"
            one.handler.pending[-1](Answer(200, "text/plain", b"%d" % number))
            assert (await client.answer())[2] == b"%d" % number


async def test_many_pipelined_requests_that_are_answered_at_once_do_not_recurse() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        await client.send(post(b"") * 3000)
        for _ in range(3000):
            assert (await client.answer())[0] == 200


async def test_a_body_in_chunks_is_put_together() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        await client.send(b"POST /x?a=b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.send(b"3\r\nabc\r\n")
        await client.send(b"2\r\nde\r\n0\r\n\r\n")
        assert (await client.answer())[0] == 200
    assert one.handler.requests[0][0].path == "/x"
    assert one.handler.requests[0][1] == b"abcde"


async def test_who_asks_first_is_told_to_go_on() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        request = post(b"later", "Expect: 100-continue")
        await client.send(request[:-5])
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"later")
        assert (await client.answer())[2] == b"got 5"


async def test_an_announced_body_that_is_too_large_is_refused_before_it_is_sent() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        await client.send(post(b"x" * (MAX_BODY + 1))[:200])
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (413, "close")
        assert await client.is_closed()
    assert one.handler.requests == []


async def test_a_body_that_grows_too_large_is_refused() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(OSError):
            for _ in range(30):
                await client.send(b"1388\r\n" + b"x" * 5000 + b"\r\n")
        assert (await client.answer())[0] == 413
    assert one.handler.requests == []


async def test_a_request_that_finds_no_memory_is_sent_away() -> None:
    async with running(Recorder(holds=True), budget=15_000) as one:
        first, second = await one.connect(), await one.connect()
        await first.send(post(b"x" * 10_000))
        await one.until_asked(1)
        await second.send(post(b"x" * 10_000))
        assert (await second.answer())[0] == 503
        one.handler.pending[0](Answer(200, "text/plain", b""))
        assert (await first.answer())[0] == 200


async def test_a_sender_that_goes_away_leaves_nothing_behind() -> None:
    async with running(Recorder(holds=True)) as one:
        client, half = await one.connect(), await one.connect()
        await client.send(post(b"x" * 5000))
        await half.send(post(b"z" * 5000)[:3000])
        await one.until_asked(1)
        client.writer.close()
        half.writer.close()
        async with asyncio.timeout(5):
            while one.server.budget.used > 5000:
                await asyncio.sleep(0.005)
        one.handler.pending[0](Answer(200, "text/plain", b""))


@pytest.mark.parametrize(
    "content",
    [
        b"\0\xff\x13rubbish\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nX: " + b"x" * 70_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_not_http_gets_400_and_is_hung_up_on(content: bytes) -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        await client.send(content)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (400, "close")
        assert await client.is_closed()
    assert one.handler.requests == []


async def test_a_refused_path_does_not_wait_for_its_body() -> None:
    async with running(Recorder(refuses="/secret")) as one:
        client = await one.connect()
        await client.send(post(b"x" * 10, path="/secret") + post(b"y"))
        assert (await client.answer())[0] == 403
        assert (await client.answer())[2] == b"got 1"
        await client.send(post(b"x" * 90_000, path="/secret")[:200])
        assert (await client.answer())[0] == 403
        assert await client.is_closed()


async def test_an_offer_of_another_protocol_is_passed_over() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA")
        await client.send(post(b"abc", *offer))
        assert (await client.answer())[2] == b"got 3"
        await client.send(post(b"d"))
        assert (await client.answer())[2] == b"got 1"


async def test_versions_and_methods_are_answered_in_their_way() -> None:
    async with running(Recorder()) as one:
        client = await one.connect()
        await client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await client.reader.readuntil(b"\r\n\r\n")
        assert b"Content-Length: 5" in head
        await client.send(post(b"", "Connection: keep-alive", version="1.0"))
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (200, "keep-alive")
        await client.send(post(b"", version="1.0"))
        assert (await client.answer())[1]["connection"] == "close"
        assert await client.is_closed()


async def test_at_the_end_what_was_accepted_is_answered() -> None:
    async with running(Recorder(holds=True)) as one:
        busy, idle = await one.connect(), await one.connect()
        await busy.send(post(b"x"))
        await one.until_asked(1)
        one.stop.set()
        assert await idle.is_closed()
        with pytest.raises(OSError, match="Connect"):
            await one.connect()
        one.handler.pending[0](Answer(200, "text/plain", b"done"))
        status, headers, body = await busy.answer()
        assert (status, headers["connection"], body) == (200, "close", b"done")
        await one.serving


async def test_connections_on_which_nothing_happens_are_ended() -> None:
    async with running(Recorder(holds=True)) as one:
        idle, stalled, waiting = [await one.connect() for _ in range(3)]
        await stalled.send(post(b"x" * 100)[:-10])
        await waiting.send(post(b"x"))
        await one.until_asked(1)
        now = asyncio.get_running_loop().time()
        for connection in list(one.server._connections):
            connection.check_age(now + 40)
        assert await stalled.is_closed()
        for connection in list(one.server._connections):
            connection.check_age(now + 80)
        assert await idle.is_closed()
        one.handler.pending[0](Answer(200, "text/plain", b""))
        assert (await waiting.answer())[0] == 200
