"""A request over HTTP and its answer, as the server and what it serves hand them to each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Protocol


class Head:
    """A request without its body. Names of headers are lower case."""

    __slots__ = ("headers", "method", "path")

    def __init__(self, method: str, path: str, headers: dict[bytes, bytes]) -> None:
        self.method = method
        self.path = path
        self.headers = headers

    def header(self, name: bytes) -> str:
        """The value, '' when there is none."""
        return self.headers.get(name, b"").decode("latin-1").strip()


class Answer:
    """A whole answer; one that is given often is made once."""

    __slots__ = ("body", "rest", "start", "status")

    def __init__(
        self,
        status: int,
        content_type: str,
        body: bytes,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        is_chunked: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.start = f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}\r\nDate: ".encode()
        fields = [("Content-Type", content_type)] if content_type else []
        if not is_chunked and status != HTTPStatus.NO_CONTENT:
            fields.append(("Content-Length", str(len(body))))
        self.rest = _encoded(fields) + _encoded(headers)

    def with_headers(self, headers: tuple[tuple[str, str], ...]) -> Answer:
        """This answer with more to say."""
        other = Answer.__new__(Answer)
        other.status, other.body, other.start = self.status, self.body, self.start
        other.rest = self.rest + _encoded(headers)
        return other


def _encoded(fields: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"\r\n{name}: {value}" for name, value in fields).encode("latin-1")


class Handler(Protocol):
    """What the server serves. Neither method may block or raise."""

    def refusal(self, head: Head) -> Answer | None:
        """Asked before the body is read; an answer means that the body is not wanted."""
        ...

    def handle(self, head: Head, body: bytes, answer: Callable[[Answer], None]) -> None:
        """Calls `answer` once, at once or later."""
        ...

    def malformed(self, message: str) -> Answer:
        """For bytes that are no HTTP request."""
        ...

    def too_large(self, head: Head) -> Answer: ...

    def busy(self, head: Head) -> Answer:
        """For a request that finds no room in memory; it may be sent again."""
        ...


class Budget:
    """Bytes of requests that are in memory, over all connections."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """False, and nothing taken, when there is no room."""
        if self.used + size > self.limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        self.used -= size
