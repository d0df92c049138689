"""A store of version 1 with records in it becomes one of the present version, killed or not."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from chdb.state.sqlitelike import Connection
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from insightengine.telemetry import decode, segments
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import inserted, migrations, version1
from insightengine.telemetry.schema.layout import Layout
from insightengine.telemetry.schema.views import VIEWS
from insightengine.telemetry.store_engine import EngineLimits, StoreEngine
from insightengine.telemetry.store_query import Query
from tests.contracts import version2
from tests.contracts.test_store_engine import edge_log

LIMITS = EngineLimits(memory_bytes=256 * 1024**2, query_timeout_s=20)
_NOW = time.time_ns() - 3_600_000_000_000
_DAY = 86_400_000_000_000
_DEFINITIONS = (
    "SELECT name, create_table_query FROM system.tables WHERE database = 'insight' "
    "AND name NOT LIKE '.%' ORDER BY name"
)
_CONTENTS = (
    "SELECT (SELECT count() FROM logs), (SELECT sum(Requests) FROM request_minutes), "
    "(SELECT sum(Requests) FROM service_minutes), "
    "(SELECT sum(Entries) FROM log_minutes), (SELECT count() FROM spans), "
    "(SELECT (sum(Spans), min(Root).4) FROM traces), (SELECT sum(Calls) FROM operation_minutes), "
    "(SELECT (Type, count()) FROM exceptions GROUP BY Type), (SELECT count() FROM metrics), "
    "(SELECT uniq(SeriesId) FROM series), (SELECT groupArray(Host) FROM hosts FINAL), "
    "(SELECT (Pattern, sum(Entries)) FROM log_patterns GROUP BY Pattern), "
    "(SELECT uniq(TraceId) FROM trace_index)"
)
_EXPECTED = (
    b"5\t5\t5\t5\t4\t(4,'GET /orders')\t2\t('PaymentError',2)\t2\t1\t['node-1']\t"
    b"('GET /orders/<*> <*>',5)\t2\n"
)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The path of a store of version 1 that holds logs, spans of two days and metrics."""
    path = tmp_path / "store"
    path.mkdir()
    connection = Connection(str(path))
    for statement in (*migrations.bootstrap_statements(Layout()), *version1.STATEMENTS):
        connection.query(statement)
    connection.query(migrations.applied_statement(1))
    for signal, file in segment_files(tmp_path).items():
        wanted = migrations.V1_COLUMNS[decode.TABLES[signal]]
        columns = {name: decode.columns_of(signal)[name] for name in wanted}
        connection.query(decode.insert_statement(signal, file, f"{signal.value}-1", columns))
    connection.close()
    return path


def segment_files(folder: Path) -> dict[Signal, Path]:
    spans, metrics = folder / "spans.pb", folder / "metrics.pb"
    spans.write_bytes(segments.encode(_spans(), 4))
    metrics.write_bytes(segments.encode(_metrics(), 2))
    return {
        Signal.LOGS: edge_log(folder, 5),
        Signal.TRACES: spans,
        Signal.METRICS: metrics,
    }


def _spans() -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for n in range(4):
        begin = _NOW - _DAY * (n // 2)
        span = scope.spans.add(start_time_unix_nano=begin, end_time_unix_nano=begin + 1_000_000)
        span.trace_id, span.span_id = bytes([1 + n // 2] * 16), bytes([1 + n] * 8)
        if n % 2:
            span.parent_span_id = bytes([n] * 8)
            failed = span.events.add(name="exception", time_unix_nano=begin)
            failed.attributes.add(key="exception.type").value.string_value = "PaymentError"
        else:
            span.name, span.kind = "GET /orders", 2
    return request.SerializeToString()


def _metrics() -> bytes:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="host.name").value.string_value = "node-1"
    metric = resource.scope_metrics.add().metrics.add(name="load")
    for value in (1.0, 2.0):
        metric.gauge.data_points.add(time_unix_nano=_NOW, as_double=value)
    return request.SerializeToString()


def migrated(path: Path) -> Iterator[StoreEngine]:
    engine = StoreEngine(path, LIMITS)
    if engine.needs_rebuild:
        engine.rebuild()
    yield engine
    engine.close()


def test_everything_is_there_and_derived_after_the_migration(old: Path) -> None:
    for engine in migrated(old):
        assert engine.run(Query(_CONTENTS)) == _EXPECTED


def test_a_migrated_store_is_a_new_one(old: Path, tmp_path: Path) -> None:
    for engine in migrated(old):
        after = engine.run(Query(_DEFINITIONS))
    for engine in migrated(tmp_path / "new"):
        assert engine.run(Query(_DEFINITIONS)) == after


def of_before(engine: StoreEngine, version: int, *added: Mapping[str, Sequence[str]]) -> None:
    """Makes a new store without records one of `version`, without what was added since."""
    for view in VIEWS:
        engine.execute(f"DROP VIEW insight.{view.name} SYNC")
    for columns in added:
        for table, names in columns.items():
            for column in names:
                engine.execute(f"ALTER TABLE insight.{table} DROP COLUMN {column.split()[0]}")
    for table in ("logs", "spans", "metrics"):
        engine.execute(f"ALTER TABLE insight.{table} RESET SETTING min_bytes_for_wide_part")
        engine.execute(
            f"ALTER TABLE insight.{table} MODIFY COLUMN Timestamp CODEC(Delta(8), ZSTD(1)), "
            "MODIFY COLUMN ResourceAttributes CODEC(ZSTD(1))"
        )
    engine.execute("TRUNCATE TABLE insight.schema_migrations")
    engine.execute(migrations.applied_statement(*range(1, version + 1)))
    engine.close()


@pytest.mark.parametrize(
    ("version", "added"),
    [(3, (migrations.ADDED_IN_V5, migrations.ADDED_IN_V4)), (4, (migrations.ADDED_IN_V5,))],
)
def test_what_later_versions_have_is_added(
    tmp_path: Path, version: int, added: Sequence[Mapping[str, Sequence[str]]]
) -> None:
    path = tmp_path / "new"
    engine = StoreEngine(path, LIMITS)
    as_new = engine.run(Query(_DEFINITIONS))
    of_before(engine, version, *added)
    for again in migrated(path):
        assert again.run(Query(_DEFINITIONS)) == as_new


def test_a_store_of_version_5_writes_one_file_for_larger_inserts(tmp_path: Path) -> None:
    path = tmp_path / "new"
    engine = StoreEngine(path, LIMITS)
    as_new = engine.run(Query(_DEFINITIONS))
    for table in ("logs", "spans", "metrics"):
        engine.execute(f"ALTER TABLE insight.{table} MODIFY SETTING min_bytes_for_wide_part = 1")
    engine.execute("TRUNCATE TABLE insight.schema_migrations")
    engine.execute(migrations.applied_statement(*range(1, 6)))
    engine.close()
    for again in migrated(path):
        assert again.run(Query(_DEFINITIONS)) == as_new


def _of_version_6(path: Path) -> bytes:
    """Makes a store as version 6 had it, with a log record; returns what a new one looks like."""
    engine = StoreEngine(path, LIMITS)
    as_new = engine.run(Query(_DEFINITIONS))
    for view in VIEWS:
        engine.execute(f"DROP VIEW insight.{view.name} SYNC")
    values = inserted.VALUE_INDEXES["resource_values"]
    for table in ("logs", "spans", "metrics"):
        alter = f"ALTER TABLE insight.{table}"
        if table != "metrics":
            engine.execute(f"{alter} DROP INDEX resource_values")
        engine.execute(
            f"{alter} MODIFY COLUMN ResourceAttributes "
            "Map(LowCardinality(String), String) CODEC(Default)"
        )
        if table != "metrics":
            engine.execute(f"{alter} ADD INDEX resource_values {values}")
    for column in ("TraceId", "SpanId"):
        engine.execute(
            f"ALTER TABLE insight.logs MODIFY COLUMN {column} "
            "MODIFY SETTING min_compress_block_size = 65536"
        )
    engine.execute(
        "INSERT INTO insight.logs (Timestamp, ServiceName, ResourceAttributes) VALUES (now64(9), "
        "'shop', {'host.name': 'node-1', 'host.name': 'twice', 'a': ''})"
    )
    engine.execute("TRUNCATE TABLE insight.schema_migrations")
    engine.execute(migrations.applied_statement(*range(1, 7)))
    assert engine.run(Query(_DEFINITIONS)) != as_new
    engine.close()
    return as_new


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.6, 0.8, 0.99])
def test_resources_of_a_store_of_version_6_are_kept(tmp_path: Path, share: float) -> None:
    path = tmp_path / "new"
    as_new = _of_version_6(path)
    if share:
        engine = StoreEngine(path, LIMITS)
        kill_within(engine, engine._pending[0], share)
    for engine in migrated(path):
        assert engine.run(Query(_DEFINITIONS)) == as_new
        found = engine.run(Query("SELECT ResourceAttributes, Release FROM logs"))
        assert found == b"{'host.name':'node-1','host.name':'twice','a':''}\t\n"


def test_records_of_before_have_their_release_and_colour_by_their_resource(tmp_path: Path) -> None:
    path = tmp_path / "new"
    engine = StoreEngine(path, LIMITS)
    of_before(engine, 4, migrations.ADDED_IN_V5)
    before = StoreEngine(path, LIMITS)
    before.execute(
        "INSERT INTO insight.logs (Timestamp, ServiceName, ResourceAttributes) VALUES (now64(9), "
        "'shop', {'service.version': '1.4', 'insight.colour': 'blue'}), (now64(9), 'api', "
        "{'service.namespace': 'insightengine'})"
    )
    before.rebuild()
    found = before.run(Query("SELECT Release, Colour, IsOwn FROM logs ORDER BY ServiceName DESC"))
    assert found == b"1.4\tblue\t0\n\t\t1\n"
    before.close()


def test_what_was_inserted_before_is_still_known_before_the_rebuild(
    old: Path, tmp_path: Path
) -> None:
    engine = StoreEngine(old, LIMITS)
    assert engine.needs_rebuild
    for signal, file in segment_files(tmp_path).items():
        engine.insert(signal, file, f"{signal.value}-1")
    engine.rebuild()
    assert engine.run(Query(_CONTENTS)) == _EXPECTED
    engine.close()


def kill_within(engine: StoreEngine, pending: migrations.Migration, share: float) -> None:
    days = sorted(engine.lines(migrations.days_sql(Layout())))
    statements = pending.rebuild(Layout(), days)
    for statement in statements[: max(1, int(len(statements) * share))]:
        engine.execute(statement)
    engine.close()


@pytest.mark.parametrize("share", [0.02, 0.15, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_migration_that_was_killed_is_completed_by_the_next_start(
    old: Path, share: float
) -> None:
    engine = StoreEngine(old, LIMITS)
    pending = engine._pending[0]
    kill_within(engine, pending, share)
    for again in migrated(old):
        assert again.run(Query(_CONTENTS)) == _EXPECTED


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """The path of a store of version 2 that holds the same."""
    path = tmp_path / "store"
    engine = StoreEngine(path, LIMITS)
    for statement in version2.statements():
        engine.execute(statement)
    for signal, file in segment_files(tmp_path).items():
        engine.insert(signal, file, f"{signal.value}-1")
    engine.close()
    return path


def test_a_store_of_version_2_becomes_a_new_one_with_its_patterns(
    second: Path, tmp_path: Path
) -> None:
    for engine in migrated(second):
        after = engine.run(Query(_DEFINITIONS))
        assert engine.run(Query(_CONTENTS)) == _EXPECTED
    for engine in migrated(tmp_path / "new"):
        assert engine.run(Query(_DEFINITIONS)) == after


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.8, 0.99])
def test_a_migration_from_version_2_that_was_killed_is_completed(
    second: Path, share: float
) -> None:
    engine = StoreEngine(second, LIMITS)
    pending = engine._pending[0]
    kill_within(engine, pending, share)
    for again in migrated(second):
        assert again.run(Query(_CONTENTS)) == _EXPECTED


def test_a_repeated_insert_derives_nothing_twice(tmp_path: Path) -> None:
    for engine in migrated(tmp_path / "new"):
        for _ in range(2):
            for signal, file in segment_files(tmp_path).items():
                engine.insert(signal, file, f"{signal.value}-1")
        assert engine.run(Query(_CONTENTS)) == _EXPECTED
