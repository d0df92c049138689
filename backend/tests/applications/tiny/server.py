"""A small web application, standard library only. `behaviour.json` beside it says how it behaves.

    version          named in every answer
    start_s          seconds before it listens
    health           status of GET /up, 200 when not given
    crash_after_s    ends itself with code 3 after that time
    latency_ms       of every answer
    error_ratio      share of answers with 500
    smoke            status of GET /smoke, 200 when not given
    reads            SQL that GET /smoke runs on DATABASE_URL; 500 when it fails (needs psycopg)

Routes: / and any other path tell the version; POST tells the length of the body; /stream?seconds=N
sends a line every tenth of a second; /socket echoes WebSocket frames.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


class Application:
    def __init__(self, behaviour: dict[str, object]) -> None:
        self.behaviour = behaviour
        self.version = str(behaviour["version"])
        self._random = random.Random(7)

    def number(self, name: str, otherwise: float) -> float:
        value = self.behaviour.get(name, otherwise)
        return float(value) if isinstance(value, int | float) else otherwise

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while (request := await _read(reader)) is not None:
                if not await self._answer(request, reader, writer):
                    break
        writer.close()

    async def _answer(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection may be used again."""
        if request.path == "/socket":
            await _echo_frames(request, reader, writer)
            return False
        if request.path == "/stream":
            await self._stream(writer, float(request.query.get("seconds", ["1"])[0]))
            return False
        await asyncio.sleep(self.number("latency_ms", 0) / 1000)
        told = {
            "version": self.version,
            "pid": os.getpid(),
            "method": request.method,
            "body_bytes": len(request.body),
            "greeting": os.environ.get("GREETING", ""),
        }
        status = self._status(request.path)
        body = json.dumps(told).encode()
        writer.write(
            f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()
        return True

    def _status(self, path: str) -> int:
        if path == "/up":
            return int(self.number("health", 200))
        if path == "/smoke":
            return int(self.number("smoke", 200)) if self._can_read() else 500
        return 500 if self._random.random() < self.number("error_ratio", 0) else 200

    def _can_read(self) -> bool:
        statement = self.behaviour.get("reads")
        if statement is None:
            return True
        import psycopg

        try:
            with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
                connection.execute(str(statement).encode())
        except psycopg.Error as error:
            sys.stdout.write(f"{error}\n")
            sys.stdout.flush()
            return False
        return True

    async def _stream(self, writer: asyncio.StreamWriter, seconds: float) -> None:
        writer.write(
            b"HTTP/1.1 200 -\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        )
        for number in range(round(seconds * 10)):
            writer.write(f"data: {number} {self.version}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(0.1)
        writer.write(b"data: end\n\n")
        await writer.drain()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    url = urlsplit(target)
    return Request(method, url.path, parse_qs(url.query), headers, body)


async def _echo_frames(
    request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    key = request.headers.get("sec-websocket-key", "") + _GUID
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    writer.write(
        "HTTP/1.1 101 -\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    while frame := await reader.read(4096):
        writer.write(frame)
        await writer.drain()


async def main(host: str, port: int) -> None:
    behaviour = json.loads(Path(__file__).with_name("behaviour.json").read_text())
    application = Application(behaviour)
    await asyncio.sleep(application.number("start_s", 0))
    server = await asyncio.start_server(application.serve, host, port)
    sys.stdout.write(f"version {application.version} listens on {port}\n")
    sys.stdout.flush()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    if "crash_after_s" in behaviour:
        loop.call_later(application.number("crash_after_s", 0), os._exit, 3)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", required=True, type=int)
    given = parser.parse_args()
    asyncio.run(main(given.host, given.port))
