"""How a store comes to the present tables: made at once, or forward from a version with data in it.

A migration has two halves. `expand` only adds, so that what waits in the spool can be inserted
into the old tables: what was inserted before and not yet removed from the spool is then recognised
by its token. After that nothing in the spool is in doubt, and `rebuild` may make tables anew, which
forgets tokens. Both may be repeated: a kill between two statements does no harm.
"""

# ruff: noqa: S608  only names of this package and dates are written into the SQL

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.derived import DECIDED, DERIVED
from insightengine.telemetry.schema.inserted import (
    EXACT,
    FINE_BLOCKS,
    ONE_FILE,
    OWN,
    OWN_LOG,
    RESOURCE_MAP,
    VALUE_MAPS,
    VALUE_TYPE,
    marks,
    value_indexes,
)
from insightengine.telemetry.schema.layout import Layout, Table, View
from insightengine.telemetry.schema.tables import INSERTED, TABLES
from insightengine.telemetry.schema.views import VIEWS

Days = Sequence[str]


@dataclass(frozen=True, slots=True)
class Migration:
    """`rebuild` gets where the tables are and the days that hold records, as `YYYY-MM-DD`."""

    version: int
    expand: Callable[[Layout], tuple[str, ...]]
    rebuild: Callable[[Layout, Days], tuple[str, ...]]


def create_statements(layout: Layout) -> tuple[str, ...]:
    """The present tables and views, in a store that has none."""
    tables = (statement for table in TABLES for statement in layout.table_statements(table))
    return (*tables, *(layout.view_statement(view) for view in VIEWS))


V1_COLUMNS: Final = {
    names.LOGS: (
        *("Timestamp", "ObservedTimestamp", "TraceId", "SpanId", "TraceFlags", "SeverityText"),
        *("SeverityNumber", "ServiceName", "Body", "EventName", "ScopeName", "ScopeVersion"),
        *("ScopeAttributes", "ResourceAttributes", "LogAttributes"),
    ),
    names.SPANS: (
        *("Timestamp", "TraceId", "SpanId", "ParentSpanId", "TraceState", "TraceFlags"),
        *("SpanName", "SpanKind", "ServiceName", "ResourceAttributes", "ScopeName"),
        *("ScopeVersion", "ScopeAttributes", "SpanAttributes", "DurationNs", "StatusCode"),
        *("StatusMessage", "Events.Timestamp", "Events.Name", "Events.Attributes"),
        *("Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes"),
    ),
    names.METRICS: (
        *("Timestamp", "StartTimestamp", "ServiceName", "MetricName", "MetricDescription"),
        *("MetricUnit", "MetricType", "Temporality", "IsMonotonic", "Attributes"),
        *("ResourceAttributes", "ScopeName", "ScopeVersion", "Flags", "Value", "Count", "Sum"),
        *("Min", "Max", "BucketBounds", "BucketCounts", "Scale", "ZeroCount", "ZeroThreshold"),
        *("PositiveOffset", "PositiveCounts", "NegativeOffset", "NegativeCounts", "Quantiles"),
        *("QuantileValues", "Exemplars.Timestamp", "Exemplars.Value", "Exemplars.TraceId"),
        *("Exemplars.SpanId", "Exemplars.Attributes"),
    ),
}
_ADDED_IN_V2: Final = {
    names.LOGS: (
        *("ResourceSchemaUrl LowCardinality(String)", "ResourceDroppedAttributesCount UInt32"),
        *("ScopeSchemaUrl LowCardinality(String)", "ScopeDroppedAttributesCount UInt32"),
        "DroppedAttributesCount UInt32",
    ),
    names.SPANS: (
        *("ResourceSchemaUrl LowCardinality(String)", "ResourceDroppedAttributesCount UInt32"),
        *("ScopeSchemaUrl LowCardinality(String)", "ScopeDroppedAttributesCount UInt32"),
        *("DroppedAttributesCount UInt32", "DroppedEventsCount UInt32", "DroppedLinksCount UInt32"),
        *("`Events.DroppedAttributesCount` Array(UInt32)",),
        *("`Links.DroppedAttributesCount` Array(UInt32)", "`Links.Flags` Array(UInt32)"),
    ),
    names.METRICS: (
        *("ResourceSchemaUrl LowCardinality(String)", "ResourceDroppedAttributesCount UInt32"),
        *("ScopeSchemaUrl LowCardinality(String)", "ScopeDroppedAttributesCount UInt32"),
        "ScopeAttributes Map(LowCardinality(String), String)",
    ),
}
_FIDELITY: Final = (
    f"ValueTypes Array({VALUE_TYPE}) CODEC(ZSTD(1))",
    f"Exact {EXACT} CODEC(ZSTD(1))",
    "IngestSource LowCardinality(String) CODEC(ZSTD(1))",
)
ADDED_IN_V4: Final = {
    names.LOGS: _FIDELITY,
    names.SPANS: _FIDELITY,
    names.METRICS: (f"MetricMetadata {EXACT} CODEC(ZSTD(1))", *_FIDELITY),
}
ADDED_IN_V5: Final = {names.LOGS: marks(OWN_LOG), names.SPANS: marks(OWN)}
_SINGLE: Final = Layout()


def _added(layout: Layout, columns: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        statement
        for table, wanted in columns.items()
        for column in wanted
        for statement in layout.column_statements(table, column)
    )


def _nothing(*_: object) -> tuple[str, ...]:
    return ()


def _rebuild_to_2(_: Layout, days: Days) -> tuple[str, ...]:
    """Only of the engine in this process: servers were first supported with version 2."""
    views = [f"DROP VIEW IF EXISTS {names.DATABASE}.{view.name} SYNC" for view in VIEWS]
    derived: list[str] = []
    for table in DERIVED:
        derived.append(f"DROP TABLE IF EXISTS {names.DATABASE}.{table.name} SYNC")
        derived.extend(_SINGLE.table_statements(table))
    backfill = [_SINGLE.backfill_statement(view, day) for view in VIEWS for day in days]
    decided = [statement for table in DECIDED for statement in _SINGLE.table_statements(table)]
    moved = [statement for table in INSERTED for statement in _moved(table, days)]
    created = [_SINGLE.view_statement(view) for view in VIEWS]
    return (*views, *moved, *derived, *backfill, *decided, *created)


def _moved(table: Table, days: Days) -> tuple[str, ...]:
    """The rows of a table in the table of that name as it is now. Needs twice its bytes."""
    name, anew = f"{names.DATABASE}.{table.name}", f"{table.name}_next"
    added = (*_ADDED_IN_V2[table.name], *ADDED_IN_V4[table.name])
    given = [column.split()[0].strip("`") for column in added]
    columns = ", ".join(f"`{column}`" for column in (*V1_COLUMNS[table.name], *given))
    copies = (
        f"INSERT INTO {names.DATABASE}.{anew} ({columns}) SELECT {columns} FROM {name} "
        f"WHERE toDate(Timestamp) = '{day}'"
        for day in days
    )
    return (
        f"DROP TABLE IF EXISTS {names.DATABASE}.{anew} SYNC",
        *_SINGLE.table_statements(table, anew),
        *copies,
        f"EXCHANGE TABLES {name} AND {names.DATABASE}.{anew}",
        f"DROP TABLE {names.DATABASE}.{anew} SYNC",
    )


def _of(target: str) -> tuple[Table, View]:
    """A derived table that one view fills, and that view."""
    (table,) = (table for table in DERIVED if table.name == target)
    (view,) = (view for view in VIEWS if view.target == target)
    return table, view


def _rebuild_to_3(layout: Layout, days: Days) -> tuple[str, ...]:
    """Records stay as they are: parts that are written from now on have the indexes."""
    derived, patterns = _of(names.LOG_PATTERNS)
    changes = [
        *((table, f"MODIFY SETTING {FINE_BLOCKS}") for table in (*VALUE_MAPS, names.TRACE_INDEX)),
        *(
            (table, f"ADD INDEX IF NOT EXISTS {name} {definition}")
            for table in VALUE_MAPS
            for name, definition in value_indexes(table)
        ),
    ]
    on = layout.on_cluster
    return (
        *(f"DROP VIEW IF EXISTS {names.DATABASE}.{view.name}{on} SYNC" for view in VIEWS),
        *(f"ALTER TABLE {layout.local(table)}{on} {change}" for table, change in changes),
        f"DROP TABLE IF EXISTS {layout.local(derived.name)}{on} SYNC",
        *layout.table_statements(derived),
        *(layout.backfill_statement(patterns, day) for day in days),
        *(layout.view_statement(view) for view in VIEWS),
    )


# Of what was compressed by a codec of its own before version 5, what is put before the part's.
_PREPARED_BY: Final = {
    (names.METRICS, "Timestamp"): "DoubleDelta",
    (names.LOGS, "Timestamp"): "Delta(8)",
    (names.SPANS, "Timestamp"): "Delta(8)",
    (names.LOGS, "ObservedTimestamp"): "Delta(8)",
    (names.METRICS, "StartTimestamp"): "Delta(8)",
    (names.SPANS, "DurationNs"): "T64",
    (names.METRICS, "Value"): "Gorilla",
    (names.METRICS, "Count"): "T64",
}


def _codecs(table: str) -> str:
    """One statement's worth of changes; parts that are there stay as they are."""
    added = (*_ADDED_IN_V2[table], *ADDED_IN_V4[table])
    columns = [*V1_COLUMNS[table], *(column.split()[0].strip("`") for column in added)]
    if table == names.METRICS:
        columns.append("SeriesId")
    prepared = [(column, _PREPARED_BY.get((table, column))) for column in columns]
    return ", ".join(
        f"MODIFY COLUMN `{column}` CODEC({f'{first}, ' if first else ''}Default)"
        for column, first in prepared
    )


def _rebuild_to_5(layout: Layout, _: Days) -> tuple[str, ...]:
    """Records stay as they are: parts that are written from now on are compressed anew."""
    on = layout.on_cluster
    codec = f", {layout.codec_setting}" if layout.codec_setting else ""
    return (
        *(f"DROP VIEW IF EXISTS {names.DATABASE}.{view.name}{on} SYNC" for view in VIEWS),
        *(
            f"ALTER TABLE {layout.local(table.name)}{on} {change}"
            for table in INSERTED
            for change in (_codecs(table.name), f"MODIFY SETTING {ONE_FILE}{codec}")
        ),
        *(layout.view_statement(view) for view in VIEWS),
    )


def _rebuild_to_6(layout: Layout, _: Days) -> tuple[str, ...]:
    return tuple(
        f"ALTER TABLE {layout.local(table.name)}{layout.on_cluster} MODIFY SETTING {ONE_FILE}"
        for table in INSERTED
    )


def _expand_to_7(layout: Layout) -> tuple[str, ...]:
    return layout.table_statements(_of(names.SERVICE_MINUTES)[0])


def _rebuild_to_7(layout: Layout, days: Days) -> tuple[str, ...]:
    """Resources of all records are written anew, and their index with them: it goes first, since
    nothing may be indexed that changes its type. Minutes of services are counted."""
    on = layout.on_cluster
    minutes, counted = _of(names.SERVICE_MINUTES)
    own, over = layout.local, f"{names.DATABASE}.{{}}".format
    of_resources = "resource_values"
    resources = f"MODIFY COLUMN ResourceAttributes {RESOURCE_MAP} CODEC(Default)"
    changes = [
        *((own(table), f"DROP INDEX IF EXISTS {of_resources}") for table in VALUE_MAPS),
        *(
            (table, resources)
            for inserted in INSERTED
            for table in dict.fromkeys((own(inserted.name), over(inserted.name)))
        ),
        *(
            (own(table), f"ADD INDEX IF NOT EXISTS {name} {definition}")
            for table in VALUE_MAPS
            for name, definition in value_indexes(table)
            if name == of_resources
        ),
        *(
            (own(names.LOGS), f"MODIFY COLUMN {column} RESET SETTING min_compress_block_size")
            for column in ("TraceId", "SpanId")
        ),
    ]
    return (
        *(f"DROP VIEW IF EXISTS {names.DATABASE}.{view.name}{on} SYNC" for view in VIEWS),
        *(f"ALTER TABLE {table}{on} {change}" for table, change in changes),
        f"TRUNCATE TABLE {own(minutes.name)}{on}",
        *(layout.backfill_statement(counted, day) for day in days),
        *(layout.view_statement(view) for view in VIEWS),
    )


MIGRATIONS: Final = (
    Migration(2, partial(_added, columns=_ADDED_IN_V2), _rebuild_to_2),
    Migration(3, _nothing, _rebuild_to_3),
    Migration(4, partial(_added, columns=ADDED_IN_V4), _nothing),
    Migration(5, partial(_added, columns=ADDED_IN_V5), _rebuild_to_5),
    Migration(6, _nothing, _rebuild_to_6),
    Migration(7, _expand_to_7, _rebuild_to_7),
)
LATEST: Final = MIGRATIONS[-1].version

APPLIED_SQL: Final = f"SELECT Version FROM {names.DATABASE}.schema_migrations"


def days_sql(layout: Layout) -> str:
    """Days that hold records, on any node."""
    tables = ", ".join(f"'{layout.local(t.name).partition('.')[2]}'" for t in INSERTED)
    parts = f"cluster('{layout.cluster}', system.parts)" if layout.cluster else "system.parts"
    return (
        f"SELECT DISTINCT toString(toDate(min_time)) FROM {parts} WHERE active "
        f"AND database = '{names.DATABASE}' AND table IN ({tables})"
    )


def bootstrap_statements(layout: Layout) -> tuple[str, ...]:
    """What must exist before the version can be asked."""
    migrations = Table(
        "schema_migrations",
        "Version UInt32, AppliedAt DateTime64(3, 'UTC') DEFAULT now64(3)",
        order_by="Version",
        day="",
    )
    return (layout.database_statement(), *layout.table_statements(migrations))


def pending(applied: frozenset[int]) -> tuple[Migration, ...]:
    """Migrations still to apply, in order. Nothing applied means a store without tables."""
    return tuple(migration for migration in MIGRATIONS if migration.version not in applied)


def applied_statement(*versions: int) -> str:
    values = ", ".join(f"({version:d})" for version in versions)
    return f"INSERT INTO {names.DATABASE}.schema_migrations (Version) VALUES {values}"
