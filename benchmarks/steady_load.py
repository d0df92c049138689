"""A constant load as visitors make it: GETs, POSTs with bodies, a long stream and a WebSocket."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

SESSION_S = 20.0
_READERS, _WRITERS = 8, 4
_EVERY_S = 0.04  # between the starts of two requests of one connection
_BODY = b"x" * 10_000
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One request, or one stream or WebSocket as a whole. Times are of the wall clock."""

    kind: str
    started: float
    ended: float
    version: str = ""
    problem: str = ""

    @property
    def took_ms(self) -> float:
        return 1000 * (self.ended - self.started)


def _head(port: int, request: str, *headers: str) -> bytes:
    lines = [f"{request} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]
    return "\r\n".join(lines).encode()


class _Connection:
    """HTTP/1.1 by hand: nothing is retried, so nothing that fails is hidden."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        return self._streams

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body; a server that says so is not asked again on this connection."""
        reader, writer = await self.open()
        head = _head(self._port, f"{method} {path}", f"Content-Length: {len(body)}")
        writer.write(head + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        content = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), content


@dataclass
class Load:
    """`samples` in the order of their ends. With `sessions` None streams follow one another."""

    port: int
    sessions: int | None = None
    session_s: float = SESSION_S
    samples: list[Sample] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def failed(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.problem]

    def between(self, since: float, until: float) -> Iterator[Sample]:
        """GETs and POSTs that started then."""
        whole = (s for s in self.samples if s.kind in ("GET", "POST"))
        return (sample for sample in whole if since <= sample.started < until)

    async def run(self) -> None:
        methods = ["GET"] * _READERS + ["POST"] * _WRITERS
        work: list[Coroutine[None, None, None]] = [
            self._ask(method, number * _EVERY_S / len(methods))
            for number, method in enumerate(methods)
        ]
        work += [self._repeat("stream", self._stream), self._repeat("websocket", self._echo)]
        await asyncio.gather(*work)

    async def _ask(self, method: str, offset_s: float) -> None:
        connection = _Connection(self.port)
        due = time.monotonic() + offset_s
        while not self.ended.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due += _EVERY_S
            await self._one(connection, method)
        connection.close()

    async def _one(self, connection: _Connection, method: str) -> None:
        began, version, problem = time.time(), "", ""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status, body = await connection.ask(
                    method, "/page", _BODY if method == "POST" else b""
                )
            version = json.loads(body)["version"] if body.startswith(b"{") else ""
            problem = "" if status == 200 else f"HTTP {status}"
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            problem = repr(error)
            connection.close()
        self.samples.append(Sample(method, began, time.time(), version, problem))

    async def _repeat(self, kind: str, session: Callable[[], Coroutine[None, None, str]]) -> None:
        """Sessions to their ends; the last one may outlive the other requests."""
        count = 0
        while not self.ended.is_set() and (self.sessions is None or count < self.sessions):
            began, problem = time.time(), ""
            count += 1
            try:
                problem = await session()
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                problem = repr(error)
            self.samples.append(Sample(kind, began, time.time(), problem=problem))

    async def _stream(self) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        asked = f"GET /stream?seconds={self.session_s:g}"
        writer.write(_head(self.port, asked, "Accept: text/event-stream"))
        last = b""
        while line := await asyncio.wait_for(reader.readline(), _PATIENCE_S):
            last = line if line.startswith(b"data: ") else last
            if last == b"data: end\n":
                break
        writer.close()
        return "" if last == b"data: end\n" else f"cut after {last!r}"

    async def _echo(self) -> str:
        """Frames every tenth of a second, each of which has to come back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        writer.write(_head(self.port, "GET /socket", *upgrade, f"Sec-WebSocket-Key: {key}"))
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)
        if b" 101 " not in head.split(b"\r\n")[0]:
            return head.split(b"\r\n")[0].decode("latin-1")
        end = time.monotonic() + self.session_s
        while time.monotonic() < end:
            frame = b"\x81\x84\x00\x00\x00\x00" + os.urandom(2).hex().encode()
            writer.write(frame)
            if await asyncio.wait_for(reader.readexactly(len(frame)), _PATIENCE_S) != frame:
                return "another frame came back"
            await asyncio.sleep(0.1)
        writer.close()
        return ""


@contextmanager
def steady_load(
    port: int, sessions: int | None = None, session_s: float = SESSION_S
) -> Iterator[Load]:
    """Runs until the block ends, and until the streams of that moment have ended."""
    load = Load(port, sessions, session_s)
    thread = threading.Thread(target=asyncio.run, args=(load.run(),))
    thread.start()
    try:
        yield load
    finally:
        load.ended.set()
        thread.join()


def p99_ms(samples: Sequence[Sample]) -> float:
    """99th percentile of the durations; not a number when there are none."""
    with suppress(statistics.StatisticsError):
        return statistics.quantiles([s.took_ms for s in samples], n=100, method="inclusive")[98]
    return float("nan")
