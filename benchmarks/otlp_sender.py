"""A sender of prepared OTLP requests that takes little processor time: one thread, many sockets.

Started as a process of its own by `benchmarks.ingest`, which gives it a `Load` as JSON and reads a
`Sent` as JSON. Only the standard library, since each microsecond here is taken from the receiver.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Protocol

_READ: Final = 256 * 1024
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GOAWAY, _WINDOW = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_LARGE_WINDOW: Final = 0x7FFF0000
_DEFAULT_WINDOW: Final = 65535
_FRAME: Final = 16384
_INITIAL_WINDOW: Final = 4


@dataclass(frozen=True)
class Load:
    """What to send. `requests` is a file of length-prefixed bodies, sent in turn.

    `rate_per_s` spreads requests over time; 0 sends the next as soon as the last is answered.
    """

    protocol: str
    host: str
    port: int
    path: str
    requests: str
    connections: int
    seconds: float
    rate_per_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    acknowledged: int
    refused: int
    seconds: float
    body_bytes: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    cpu_s: float


class Speaker(Protocol):
    """Bytes of one connection in one protocol."""

    def opening(self) -> bytes: ...
    def request(self, body: bytes) -> bytes:
        """What can be sent now; `received` returns the rest as the receiver makes room."""
        ...

    def received(self, content: bytes) -> tuple[bytes, int | None]:
        """Bytes to send in return, and 1 or 0 when the request was acknowledged or refused."""
        ...


class Http1:
    def __init__(self, load: Load) -> None:
        extra = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
        self._head = (
            f"POST {load.path} HTTP/1.1\r\nHost: {load.host}\r\nUser-Agent: load/1\r\n"
            f"Content-Type: application/x-protobuf\r\n{extra}Content-Length: "
        ).encode()
        self._buffer = b""

    def opening(self) -> bytes:
        return b""

    def request(self, body: bytes) -> bytes:
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    def received(self, content: bytes) -> tuple[bytes, int | None]:
        self._buffer += content
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return b"", None
        self._buffer = b""
        return b"", int(head[9:12] == b"200")


def _content_length(head: bytes) -> int:
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0] or 0)


class Grpc:
    """Unary calls over HTTP/2 with prior knowledge, one at a time."""

    def __init__(self, load: Load) -> None:
        fields = (
            (b"\x44", load.path.encode()),
            (b"\x41", f"{load.host}:{load.port}".encode()),
            (b"\x5f", b"application/grpc"),
            (b"\x40\x02te", b"trailers"),
            (b"\x7a", b"load/1"),
        )
        # The first request puts its fields into the table; the others point there (RFC 7541).
        literal = b"".join(name + bytes([len(value)]) + value for name, value in fields)
        self._blocks = [b"\x83\x86" + literal, b"\x83\x86\xc2\xc1\xc0\xbf\xbe"]
        self._stream = -1
        self._buffer = b""
        self._rest = memoryview(b"")
        self._window = _DEFAULT_WINDOW
        self._stream_window = self._first_stream_window = _DEFAULT_WINDOW

    def opening(self) -> bytes:
        no_table = struct.pack(">HI", 1, 0)  # so that equal answers are equal bytes
        window = struct.pack(">I", _LARGE_WINDOW)
        return _PREFACE + _frame(_SETTINGS, 0, 0, no_table) + _frame(_WINDOW, 0, 0, window)

    def request(self, body: bytes) -> bytes:
        self._stream += 2
        block = self._blocks[min(self._stream // 2, 1)]
        self._rest = memoryview(b"\0" + struct.pack(">I", len(body)) + body)
        self._stream_window = self._first_stream_window
        return _frame(_HEADERS, _END_HEADERS, self._stream, block) + self._data()

    def _data(self) -> bytes:
        parts: list[bytes] = []
        while self._rest:
            size = min(_FRAME, len(self._rest), self._window, self._stream_window)
            if size <= 0:
                break
            part, self._rest = self._rest[:size], self._rest[size:]
            self._window -= size
            self._stream_window -= size
            flags = 0 if self._rest else _END_STREAM
            parts += (_head(_DATA, flags, self._stream, size), bytes(part))
        return b"".join(parts)

    def received(self, content: bytes) -> tuple[bytes, int | None]:
        self._buffer += content
        reply, outcome = b"", None
        while len(self._buffer) >= 9:
            end = 9 + int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < end:
                break
            kind, flags = self._buffer[3], self._buffer[4]
            stream = int.from_bytes(self._buffer[5:9], "big")
            payload, self._buffer = self._buffer[9:end], self._buffer[end:]
            if kind == _HEADERS and flags & _END_STREAM:
                outcome = int(_is_ok(payload))
            reply += self._answer(kind, flags, stream, payload)
        return reply + self._data(), outcome

    def _answer(self, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        if kind == _WINDOW:
            more = int.from_bytes(payload, "big")
            if stream == 0:
                self._window += more
            elif stream == self._stream:
                self._stream_window += more
        elif kind == _SETTINGS and not flags & _ACK:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack_from(">HI", payload, at)
                if name == _INITIAL_WINDOW:
                    self._stream_window += value - self._first_stream_window
                    self._first_stream_window = value
            return _frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            return _frame(_PING, _ACK, 0, payload)
        elif kind in (_RESET, _GOAWAY):
            raise ConnectionError(f"the receiver ended the call: {payload!r}")
        return b""


def _is_ok(block: bytes) -> bool:
    """Whether a block of trailers says `grpc-status: 0`, in plain text or Huffman's."""
    for name in (b"grpc-status", b"\x9a\xca\xc8\xb2\x12\x34\xda\x8f"):
        _, found, rest = block.partition(name)
        if found:
            return rest[:2] in (b"\x010", b"\x81\x07")
    return False


def _head(kind: int, flags: int, stream: int, size: int) -> bytes:
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return _head(kind, flags, stream, len(payload)) + payload


@dataclass
class Connection:
    """One socket; never more than one request on its way."""

    socket: socket.socket
    speaker: Speaker
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    since: float | None = None

    def send(self, content: bytes) -> None:
        self.unsent = memoryview(bytes(self.unsent) + content)
        self.flush()

    def flush(self) -> None:
        while self.unsent:
            try:
                self.unsent = self.unsent[self.socket.send(self.unsent) :]
            except BlockingIOError:
                return


class Sender:
    """Keeps all connections busy until the time is over, then waits for the last answers."""

    def __init__(self, load: Load, bodies: Sequence[bytes]) -> None:
        self._load = load
        self._bodies = bodies
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._free: list[Connection] = []
        self._begun = 0
        self._sent_bytes = 0
        self._outcomes = [0, 0]
        self._latencies: list[float] = []

    def run(self) -> Sent:
        for _ in range(self._load.connections):
            self._connect()
        started = time.perf_counter()
        end = started + self._load.seconds
        while (now := time.perf_counter()) < end or len(self._free) < len(self._connections):
            if now < end:
                self._begin_due(now - started)
            elif now > end + 30:
                raise TimeoutError("requests were not answered within 30 s")
            self._serve(0.001 if self._load.rate_per_s else 0.1)
        return self._result(time.perf_counter() - started)

    def _connect(self) -> None:
        made = socket.create_connection((self._load.host, self._load.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        speaker: Speaker = Grpc(self._load) if self._load.protocol == "grpc" else Http1(self._load)
        connection = Connection(made, speaker)
        connection.send(speaker.opening())
        self._connections[made.fileno()] = connection
        self._free.append(connection)
        events = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
        self._poll.register(made.fileno(), events)

    def _begin_due(self, elapsed_s: float) -> None:
        rate = self._load.rate_per_s
        while self._free and (not rate or self._begun < rate * elapsed_s):
            body = self._bodies[self._begun % len(self._bodies)]
            self._begun += 1
            self._sent_bytes += len(body)
            connection = self._free.pop()
            connection.since = time.perf_counter()
            connection.send(connection.speaker.request(body))

    def _serve(self, timeout_s: float) -> None:
        for number, events in self._poll.poll(timeout_s):
            connection = self._connections[number]
            if events & select.EPOLLIN:
                self._read(connection)
            if connection.unsent:
                connection.flush()

    def _read(self, connection: Connection) -> None:
        while True:
            try:
                content = connection.socket.recv(_READ)
            except BlockingIOError:
                return
            if not content:
                raise ConnectionError("the receiver closed a connection")
            reply, outcome = connection.speaker.received(content)
            if reply:
                connection.send(reply)
            if outcome is not None and connection.since is not None:
                self._outcomes[outcome] += 1
                self._latencies.append(time.perf_counter() - connection.since)
                connection.since = None
                self._free.append(connection)
            if len(content) < _READ:
                return

    def _result(self, seconds: float) -> Sent:
        ordered = sorted(self._latencies) or [0.0]

        def quantile_ms(share: float) -> float:
            return round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)

        refused, acknowledged = self._outcomes
        return Sent(
            acknowledged=acknowledged,
            refused=refused,
            seconds=round(seconds, 3),
            body_bytes=self._sent_bytes,
            p50_ms=quantile_ms(0.5),
            p99_ms=quantile_ms(0.99),
            max_ms=quantile_ms(1),
            cpu_s=round(time.process_time(), 3),
        )


def write_bodies(path: Path, bodies: Sequence[bytes]) -> None:
    path.write_bytes(b"".join(struct.pack(">I", len(body)) + body for body in bodies))


def read_bodies(path: Path) -> list[bytes]:
    content, bodies, at = path.read_bytes(), [], 0
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        bodies.append(content[at + 4 : at + 4 + size])
        at += 4 + size
    return bodies


def main() -> None:
    load = Load(**json.loads(sys.argv[1]))
    sent = Sender(load, read_bodies(Path(load.requests))).run()
    print(json.dumps(asdict(sent)))


if __name__ == "__main__":
    main()
