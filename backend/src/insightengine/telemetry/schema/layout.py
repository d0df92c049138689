"""Tables and views as values, and the DDL that they become on one server or on a cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from insightengine.telemetry.schema.names import DATABASE

_DEDUPLICATION_WINDOW: Final = 10_000
SERVER_CODEC: Final = "ZSTD(1)"  # where the server's configuration is not ours
_DURABLE: Final = "fsync_after_insert = 1, fsync_part_directory = 1"


@dataclass(frozen=True, slots=True)
class Table:
    """`engine` without Replicated; `day` is the expression of the partition, '' for none.

    `spread` is what puts a row on a shard of a cluster. Rows of tables that cool move to the cold
    tier, where there is one.
    """

    name: str
    columns: str
    order_by: str
    day: str = "toDate(Timestamp)"
    engine: str = "MergeTree()"
    settings: str = ""
    spread: str = "rand()"
    cools: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """Fills `target` from what is inserted into `source`.

    `select` has `{source}` where the rows come from, which becomes `name WHERE condition`: the same
    text also derives a day that was stored before. `time` is the source's column that has the day.
    """

    name: str
    target: str
    source: str
    select: str
    where: str = "1"
    time: str = "Timestamp"


@dataclass(frozen=True, slots=True)
class ColdTier:
    """After so many days, records move to the volume `cold` of a storage policy of the server."""

    policy: str
    days: int

    def ttl(self, day: str) -> str:
        """Moves only; nothing is removed by it."""
        return f"{day} + toIntervalDay({self.days:d}) TO VOLUME 'cold'"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the tables are: on one server, or on every node of `cluster`.

    A cluster needs the macros `{shard}` and `{replica}`, as ClickHouse's own manual sets them up.
    `codec` is that of columns that name none; '' leaves it to the configuration of the server.
    """

    cluster: str | None = None
    cold: ColdTier | None = None
    codec: str = ""

    def database_statement(self) -> str:
        return f"CREATE DATABASE IF NOT EXISTS {DATABASE}{self.on_cluster}"

    @property
    def on_cluster(self) -> str:
        return f" ON CLUSTER `{self.cluster}`" if self.cluster else ""

    def local(self, name: str) -> str:
        """The table that holds the rows of this node, with its database."""
        return f"{DATABASE}.{name}{'_local' if self.cluster else ''}"

    def table_statements(self, table: Table, name: str | None = None) -> tuple[str, ...]:
        """Creates the table unless it is there, on a cluster with the one over all shards."""
        own = self.local(name or table.name)
        partition = f" PARTITION BY {table.day}" if table.day else ""
        create = (
            f"CREATE TABLE IF NOT EXISTS {own}{self.on_cluster} ({table.columns}\n) "
            f"ENGINE = {self._engine(table)}{partition} ORDER BY ({table.order_by})\n"
            f"{self._ttl(table)}SETTINGS {', '.join(self._settings(table))}"
        )
        if self.cluster is None:
            return (create,)
        shards = f"`{self.cluster}`, {DATABASE}, {table.name}_local, {table.spread}"
        over = (
            f"CREATE TABLE IF NOT EXISTS {DATABASE}.{table.name}{self.on_cluster} AS {own} "
            f"ENGINE = Distributed({shards})"
        )
        return (create, over)

    def cooling_statements(self, table: Table) -> tuple[str, ...]:
        """Puts a table that is there under the cold tier; repeatable. Parts move in time."""
        if self.cold is None or not table.cools:
            return ()
        alter = f"ALTER TABLE {self.local(table.name)}{self.on_cluster} MODIFY"
        return (
            f"{alter} SETTING storage_policy = '{self.cold.policy}'",
            f"{alter} TTL {self.cold.ttl(table.day)}",
        )

    def _ttl(self, table: Table) -> str:
        return f"TTL {self.cold.ttl(table.day)}\n" if self.cold and table.cools else ""

    def column_statements(self, table: str, column: str) -> tuple[str, ...]:
        """Adds a column unless it is there, on a cluster also to the table over all shards."""
        own, over = self.local(table), f"{DATABASE}.{table}"
        return tuple(
            f"ALTER TABLE {each}{self.on_cluster} ADD COLUMN IF NOT EXISTS {column}"
            for each in dict.fromkeys((own, over))
        )

    def view_statement(self, view: View) -> str:
        return (
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {DATABASE}.{view.name}{self.on_cluster} "
            f"TO {self.local(view.target)} AS {self._select(view, view.where)}"
        )

    def backfill_statement(self, view: View, day: str) -> str:
        """Derives what rows of one day (`YYYY-MM-DD`) would have given on their way in."""
        where = f"{view.where} AND toDate({view.time}) = '{day}'"
        return f"INSERT INTO {self.local(view.target)} {self._select(view, where)}"

    def _select(self, view: View, where: str) -> str:
        return view.select.replace("{source}", f"{self.local(view.source)} WHERE {where}")

    def _engine(self, table: Table) -> str:
        if self.cluster is None:
            return table.engine
        path = f"/clickhouse/tables/{{shard}}/{DATABASE}/{table.name}"
        arguments = table.engine.partition("(")[2].removesuffix(")")
        given = ", ".join(filter(None, (f"'{path}'", "'{replica}'", arguments)))
        return f"Replicated{table.engine.partition('(')[0]}({given})"

    def _settings(self, table: Table) -> Iterable[str]:
        replicated = "replicated" if self.cluster else "non_replicated"
        window = f"{replicated}_deduplication_window = {_DEDUPLICATION_WINDOW}"
        broken = "max_suspicious_broken_parts = 1000"
        policy = f"storage_policy = '{self.cold.policy}'" if self.cold and table.cools else ""
        codec = self.codec_setting if "Default)" in table.columns else ""
        return filter(None, (window, _DURABLE, broken, table.settings, codec, policy))

    @property
    def codec_setting(self) -> str:
        return f"default_compression_codec = '{self.codec}'" if self.codec else ""
