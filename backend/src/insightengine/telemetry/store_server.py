"""ClickHouse's HTTP interface, as far as reading clients need it, over the engine in this process.

`GET /ping` needs no password; `GET|POST /` runs one read-only query; `GET /counters` tells what the
inserter did and what waits in the spool; `POST /upkeep` takes the commands of `upkeep.commands`. A
raw ASGI application.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import structlog

from insightengine.core.errors import InvalidInputError
from insightengine.core.secrets import Secret
from insightengine.telemetry.schema import USER
from insightengine.telemetry.store_query import Query, StoreQueryError, query_from

AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]
Headers = Mapping[bytes, bytes]

_log = structlog.get_logger("telemetry.store")
_MAX_QUERY_BYTES: Final = 1024 * 1024
_AUTHENTICATION_FAILED: Final = 516
_SYNTAX_ERROR: Final = 62


class Runner(Protocol):
    """Blocking; called from threads."""

    def run(self, query: Query) -> bytes:
        """The answer of a read-only query. Raises StoreQueryError."""
        ...

    def cancel(self, query_id: str) -> None:
        """Ends a query that runs under this id; its `run` raises. Unknown ids are ignored."""
        ...


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    content_type: bytes = b"text/plain; charset=UTF-8"
    code: int | None = None


class StoreServer:
    def __init__(
        self,
        runner: Runner,
        password: Secret,
        counters: Callable[[], Mapping[str, object]],
        upkeep: Callable[[bytes], Mapping[str, object]],
    ) -> None:
        self._runner = runner
        self._password = password
        self._counters = counters
        self._upkeep = upkeep
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="query")

    async def __call__(self, scope: AsgiMessage, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the store speaks HTTP, not {scope['type']}")
        query_id = str(uuid.uuid4())
        try:
            answer = await self._answer(scope, receive)
        except StoreQueryError as error:
            answer = _Answer(error.http_status, f"{error}\n".encode(), code=error.code)
        except Exception:
            _log.exception("query failed", query_id=query_id)
            answer = _Answer(500, b"Code: 1001. the store failed\n", code=1001)
        await _send(answer, query_id, send)

    def close(self) -> None:
        """Waits for the queries that run."""
        self._threads.shutdown()

    async def _answer(self, scope: AsgiMessage, receive: Receive) -> _Answer:
        path, method = scope["path"], scope["method"]
        if path in ("/ping", "/healthz") and method in ("GET", "HEAD"):
            return _Answer(200, b"Ok.\n")
        if path not in ("/", "/counters", "/upkeep"):
            return _Answer(404, f"no such path: {path}\n".encode())
        headers = dict(scope["headers"])
        arguments = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        self._authenticate(headers, arguments)
        if path == "/counters":
            body = json.dumps(self._counters()).encode()
            return _Answer(200, body, b"application/json")
        if method not in ("GET", "POST"):
            return _Answer(405, b"GET or POST\n")
        if path == "/upkeep":
            return await self._command(await _body(receive))
        query = _query(arguments, headers, await _body(receive))
        return _Answer(200, await self._run(query, receive))

    async def _command(self, body: bytes) -> _Answer:
        try:
            answer = await asyncio.to_thread(self._upkeep, body)
        except InvalidInputError as error:
            problem = {"error": error.message, "hint": error.hint, "code": error.code}
            return _Answer(400, json.dumps(problem).encode(), b"application/json")
        return _Answer(200, json.dumps(answer).encode(), b"application/json")

    async def _run(self, query: Query, receive: Receive) -> bytes:
        """Ends the query when its client leaves; the answer then goes nowhere."""
        work = self._threads.submit(self._runner.run, query)
        answer = asyncio.wrap_future(work)
        left = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((answer, left), return_when=asyncio.FIRST_COMPLETED)
            if left.done() and not work.cancel():
                await asyncio.to_thread(self._runner.cancel, query.id)
            return await answer
        except asyncio.CancelledError:
            raise StoreQueryError(394, "DB::Exception: the client left") from None
        finally:
            left.cancel()

    def _authenticate(self, headers: Headers, arguments: Mapping[str, str]) -> None:
        user, password = _credentials(headers, arguments)
        right = hmac.compare_digest(password.encode(), self._password.reveal().encode())
        if user != USER or not right:
            raise StoreQueryError(
                _AUTHENTICATION_FAILED,
                f"DB::Exception: {user}: Authentication failed. (AUTHENTICATION_FAILED)",
            )


def _query(arguments: dict[str, str], headers: Headers, body: bytes) -> Query:
    """Raises StoreQueryError for what is no query."""
    requested = headers.get(b"x-clickhouse-format")
    if requested and "default_format" not in arguments:
        arguments["default_format"] = requested.decode("latin-1")
    if b"x-clickhouse-database" in headers:
        arguments.setdefault("database", headers[b"x-clickhouse-database"].decode("latin-1"))
    content_type = headers.get(b"content-type", b"")
    if content_type.lower().startswith(b"multipart/form-data"):
        # Clients send parameters that are too long for an address as fields of a form.
        arguments |= _fields(content_type, body)
        body = b""
    query = query_from(arguments, _text(body))
    if not query.sql.strip():
        raise StoreQueryError(_SYNTAX_ERROR, "DB::Exception: Empty query. (SYNTAX_ERROR)")
    return replace(query, id=str(uuid.uuid4()))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _credentials(headers: Headers, arguments: Mapping[str, str]) -> tuple[str, str]:
    if b"x-clickhouse-user" in headers:
        key = headers.get(b"x-clickhouse-key", b"")
        return headers[b"x-clickhouse-user"].decode("latin-1"), key.decode("latin-1")
    scheme, _, encoded = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"basic":
        try:
            decoded = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        user, _, password = decoded.partition(":")
        return user, password
    return arguments.get("user", ""), arguments.get("password", "")


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        event = await receive()
        body += event.get("body", b"")
        if len(body) > _MAX_QUERY_BYTES:
            raise StoreQueryError(_SYNTAX_ERROR, f"query is larger than {_MAX_QUERY_BYTES} bytes")
        if not event.get("more_body"):
            return bytes(body)


def _fields(content_type: bytes, body: bytes) -> dict[str, str]:
    """The fields of a form. Raises StoreQueryError for what is none."""
    form = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type + b"\r\n\r\n" + body
    )
    fields = {}
    for part in form.iter_parts() if form.is_multipart() else ():
        name, value = (
            part.get_param("name", header="content-disposition"),
            part.get_payload(decode=True),
        )
        if isinstance(name, str) and isinstance(value, bytes):
            fields[name] = _text(value)
    if not fields:
        raise StoreQueryError(_SYNTAX_ERROR, "the body is no form with fields")
    return fields


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise StoreQueryError(_SYNTAX_ERROR, "query is not UTF-8") from None


async def _send(answer: _Answer, query_id: str, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-clickhouse-query-id", query_id.encode()),
        (b"x-clickhouse-timezone", b"UTC"),
        (b"x-clickhouse-server-display-name", b"insight-store"),
    ]
    if answer.code is not None:
        headers.append((b"x-clickhouse-exception-code", str(answer.code).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
