"""What a client may ask of the store: one read-only statement. Pure.

`readonly = 2` in the engine refuses every write to tables; what it lets through, reads of files and
addresses by table functions and `INTO OUTFILE`, is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from insightengine.telemetry.schema import DATABASE

_QUOTED_OR_COMMENT = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|--[^\n]*|#[ !][^\n]*|/\*.*?\*/",
    re.DOTALL,
)
_READS: Final = frozenset({"select", "with", "show", "describe", "desc", "explain", "exists", "("})
_OUTSIDE = re.compile(
    r"\b(?:file\w*|url\w*|s3\w*|gcs\w*|azure\w*|hdfs\w*|remote\w*|cluster\w*|mysql|postgresql|"
    r"mongodb|redis|sqlite|odbc|jdbc|executable\w*|input|python|hudi\w*|iceberg\w*|delta\w*|"
    r"paimon\w*|ytsaurus|arrowflight|dictionary|catboost\w*)\s*\(|\binto\s+outfile\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Settings that the server alone decides, or that only mean something to ClickHouse's own transport.
_IGNORED: Final = frozenset(
    {
        *("query", "database", "default_format", "query_id", "user", "password", "quota_key"),
        *("session_id", "session_timeout", "session_check", "compress", "decompress", "role"),
        *("client_protocol_version", "wait_end_of_query", "buffer_size", "enable_http_compression"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        *("cancel_http_readonly_queries_on_client_close", "readonly"),
        *("max_memory_usage", "max_memory_usage_for_user", "max_threads", "log_comment"),
    }
)
_TIMEOUT: Final = "max_execution_time"
_UNAVAILABLE_CODES: Final = frozenset({202, 394})
_STATUS: Final = {
    60: HTTPStatus.NOT_FOUND,
    81: HTTPStatus.NOT_FOUND,
    164: HTTPStatus.FORBIDDEN,
    497: HTTPStatus.FORBIDDEN,
    516: HTTPStatus.FORBIDDEN,
    159: HTTPStatus.REQUEST_TIMEOUT,
    202: HTTPStatus.TOO_MANY_REQUESTS,
    62: HTTPStatus.BAD_REQUEST,
    47: HTTPStatus.BAD_REQUEST,
    46: HTTPStatus.BAD_REQUEST,
    36: HTTPStatus.BAD_REQUEST,
}


class StoreQueryError(Exception):
    """`code` is ClickHouse's; the message stands as ClickHouse writes it."""

    def __init__(self, code: int, message: str) -> None:
        prefixed = message if message.startswith("Code: ") else f"Code: {code}. {message}"
        super().__init__(prefixed)
        self.code = code

    @property
    def http_status(self) -> HTTPStatus:
        return _STATUS.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)


@dataclass(frozen=True, slots=True)
class Query:
    """One request of the HTTP interface. `parameters` are in ClickHouse's escaped text form.

    `id` is that under which a running query can be cancelled.
    """

    sql: str
    format: str = "TabSeparated"
    database: str = DATABASE
    parameters: Mapping[str, str] = field(default_factory=dict)
    requested_settings: Mapping[str, str] = field(default_factory=dict)
    id: str = ""

    def settings(self, timeout_s: float) -> Mapping[str, str]:
        """What the engine is asked for; time only within the store's own limit."""
        wanted = {
            name: value for name, value in self.requested_settings.items() if name not in _IGNORED
        }
        if _TIMEOUT in wanted:
            wanted[_TIMEOUT] = str(_bounded_s(wanted[_TIMEOUT], timeout_s))
        return wanted


def query_from(arguments: Mapping[str, str], body: str) -> Query:
    """From the URL's arguments and the body. Raises StoreQueryError for names that are none."""
    sql = "\n".join(part for part in (arguments.get("query", ""), body) if part.strip())
    parameters = {
        name.removeprefix("param_"): value
        for name, value in arguments.items()
        if name.startswith("param_")
    }
    settings = {
        name: value
        for name, value in arguments.items()
        if not name.startswith("param_") and name not in _IGNORED
    }
    query = Query(
        sql=sql,
        format=arguments.get("default_format", "TabSeparated"),
        database=arguments.get("database") or DATABASE,
        parameters=parameters,
        requested_settings=settings,
    )
    for name in (*parameters, *settings, query.database, query.format):
        if _NAME.fullmatch(name) is None:
            raise StoreQueryError(36, f"not a name: {name[:100]!r}")
    return query


def check(query: Query) -> None:
    """Raises StoreQueryError (READONLY) unless the query is one statement that only reads."""
    bare = _QUOTED_OR_COMMENT.sub(" '' ", query.sql).strip().rstrip(";").rstrip()
    words = re.match(r"'' ?|\(|\w+", re.sub(r"^(\s*''\s*)+", "", bare))
    first = words[0].lower() if words else ""
    if first not in _READS or ";" in bare:
        raise StoreQueryError(164, "DB::Exception: one statement that reads is allowed. (READONLY)")
    outside = _OUTSIDE.search(bare)
    if outside is not None:
        raise StoreQueryError(
            164, f"DB::Exception: {outside[0].strip()!r} leaves the store. (READONLY)"
        )


def literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _bounded_s(text: str, limit_s: float) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise StoreQueryError(36, f"{_TIMEOUT} is no number: {text[:50]!r}") from None
    return seconds if 0 < seconds < limit_s else limit_s
