"""A ClickHouse server or cluster in the engine's place: the same tables, statements and answers.

Rows go to this server's shard with their token, so that a repeated insert is known there; the
shards of a cluster get theirs from the collectors that stand before them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
import structlog

from insightengine.core.errors import ConflictError
from insightengine.core.secrets import Secret
from insightengine.telemetry import decode
from insightengine.telemetry.insertion import StoreRefusedError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import DATABASE, migrations
from insightengine.telemetry.schema.inserted import MADE_BY_MERGES
from insightengine.telemetry.schema.layout import SERVER_CODEC, Layout
from insightengine.telemetry.schema.tables import INSERTED
from insightengine.telemetry.store_query import Query, StoreQueryError, check, literal

_log = structlog.get_logger("telemetry.store")
_FIRST_VERSION: Final = 2
_ADMINISTRATION_S: Final = 3600.0  # a mutation of a large table
_UNREACHABLE: Final = 210  # NETWORK_ERROR, as ClickHouse's own clients have it
_CODE_HEADER: Final = "X-ClickHouse-Exception-Code"


class RemoteStore:
    """Takes the place of StoreEngine. `url` is that of the HTTP interface; the user may write."""

    def __init__(
        self,
        url: str,
        user: str,
        password: Secret,
        *,
        query_timeout_s: float,
        layout: Layout | None = None,
    ) -> None:
        self.layout = layout or Layout(codec=SERVER_CODEC)
        self._query_timeout_s = query_timeout_s
        self._web = httpx.Client(
            base_url=url,
            headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": password.reveal()},
            timeout=httpx.Timeout(_ADMINISTRATION_S, connect=5.0),
        )

    def prepare(self) -> None:
        """Makes the tables where there are none, and brings older ones to the present version.

        Nothing else may insert meanwhile: what views derive of it would be missing. Raises
        ConflictError for tables of before servers were supported.
        """
        for statement in migrations.bootstrap_statements(self.layout):
            self.execute(statement)
        applied = frozenset(int(line) for line in self.lines(migrations.APPLIED_SQL))
        if applied and max(applied) < _FIRST_VERSION:
            raise ConflictError(
                f"the store has schema version {max(applied)}, this needs {_FIRST_VERSION} or more",
                hint="a server is never older: it was first supported with that version",
            )
        self._migrate(migrations.pending(applied) if applied else ())
        for statement in migrations.create_statements(self.layout):
            self.execute(statement)
        if not applied:
            self._applied(*range(1, migrations.LATEST + 1))
        for table in INSERTED:
            for statement in self.layout.cooling_statements(table):
                self.execute(statement)

    def _migrate(self, pending: Sequence[migrations.Migration]) -> None:
        """All columns first: what an earlier version derives is made of the present ones."""
        for migration in pending:
            for statement in migration.expand(self.layout):
                self.execute(statement)
        for migration in pending:
            days = sorted(self.lines(migrations.days_sql(self.layout)))
            for statement in migration.rebuild(self.layout, days):
                self.execute(statement)
            self._applied(migration.version)

    def _applied(self, *versions: int) -> None:
        self.execute(migrations.applied_statement(*versions))
        _log.info("telemetry tables made", version=versions[-1], cluster=self.layout.cluster)

    def insert(
        self, signal: Signal, segment: Path, token: str, *, views_may_fail: bool = False
    ) -> None:
        """`insertion.Inserter`."""
        table = self.layout.local(decode.TABLES[signal])
        statement = decode.sent_insert_statement(signal, table, token)
        settings = {
            "exclude_materialize_skip_indexes_on_insert": ",".join(MADE_BY_MERGES),
            "optimize_on_insert": "0",
            decode.VIEWS_MAY_FAIL: "1" if views_may_fail else "0",
        }
        try:
            self._post(statement, segment.read_bytes(), settings)
        except StoreQueryError as error:
            raise StoreRefusedError(error.code, str(error)) from None

    def run(self, query: Query) -> bytes:
        check(query)
        arguments = {
            "database": query.database,
            "default_format": query.format,
            "query_id": query.id,
            "readonly": "2",
            "distributed_product_mode": "global",
            "max_execution_time": str(self._query_timeout_s),
            **query.settings(self._query_timeout_s),
            **{f"param_{name}": text for name, text in query.parameters.items()},
        }
        return self._post(query.sql, None, arguments)

    def cancel(self, query_id: str) -> None:
        self.execute(
            f"KILL QUERY{self.layout.on_cluster} WHERE query_id = {literal(query_id)} ASYNC"
        )

    def execute(self, statement: str) -> None:
        self._post(statement, None, {})

    def lines(self, sql: str) -> list[str]:
        arguments = {"default_format": "TSVRaw", "database": DATABASE}
        return self._post(sql, None, arguments).decode().split("\n")[:-1]

    def close(self) -> None:
        self._web.close()

    def _post(self, sql: str, body: bytes | None, arguments: dict[str, str]) -> bytes:
        """The statement is the body, or stands in the address where rows are sent."""
        parameters = {**arguments, **({} if body is None else {"query": sql})}
        content = sql.encode() if body is None else body
        try:
            answer = self._web.post("/", params=parameters, content=content)
        except httpx.HTTPError as error:
            reason = f"DB::Exception: {error or error.__class__.__name__}. (NETWORK_ERROR)"
            raise StoreQueryError(_UNREACHABLE, reason) from None
        if not answer.is_success:
            code = int(answer.headers.get(_CODE_HEADER, "0") or "0")
            raise StoreQueryError(code, answer.text[:4000])
        return answer.content
