"""What holds for the store in this process and for a ClickHouse server: one suite, both asked.

A real server is asked, too, when its address is given:

    INSIGHT_TEST_CLICKHOUSE_URL=http://127.0.0.1:8123 INSIGHT_TEST_CLICKHOUSE_USER=default \\
        bin/test backend/tests/contracts/test_stores_alike.py

Its database `insight` is dropped and made again. INSIGHT_TEST_CLICKHOUSE_PASSWORD and
INSIGHT_TEST_CLICKHOUSE_CLUSTER are optional.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest
from chdb.state.sqlitelike import Connection

from insightengine.core.secrets import Secret
from insightengine.core.time import TimeRange
from insightengine.telemetry import segments
from insightengine.telemetry.insertion import StoreRefusedError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import migrations
from insightengine.telemetry.schema.layout import ColdTier, Layout
from insightengine.telemetry.schema.tables import INSERTED
from insightengine.telemetry.store_engine import StoreEngine
from insightengine.telemetry.store_query import Query, StoreQueryError
from insightengine.telemetry.store_remote import RemoteStore
from insightengine.telemetry.upkeep.deletion import Deletions, State
from insightengine.telemetry.upkeep.retention import Change, Retention
from tests.contracts import version2
from tests.contracts.clickhouse_front import PASSWORD, USER, clickhouse_front
from tests.contracts.filled_store import LIMITS, NOW, Records, ago
from tests.contracts.store_harness import eventually

Store = StoreEngine | RemoteStore
WEEK = TimeRange(NOW - timedelta(days=7), NOW + timedelta(minutes=1))


def remote(url: str, user: str, password: str, layout: Layout | None = None) -> RemoteStore:
    return RemoteStore(url, user, Secret(password), query_timeout_s=20, layout=layout)


@pytest.fixture(params=["embedded", "server over the engine", "real server"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "embedded":
        engine = StoreEngine(tmp_path / "store", LIMITS)
        yield engine
        engine.close()
    elif request.param == "server over the engine":
        with clickhouse_front(tmp_path) as url:
            opened = remote(url, USER, PASSWORD)
            opened.prepare()
            yield opened
            opened.close()
    else:
        yield from real_server()


def layout_given() -> Layout:
    return Layout(os.environ.get("INSIGHT_TEST_CLICKHOUSE_CLUSTER"))


def real_server() -> Iterator[Store]:
    url = os.environ.get("INSIGHT_TEST_CLICKHOUSE_URL")
    if not url:
        pytest.skip("INSIGHT_TEST_CLICKHOUSE_URL is not set: no ClickHouse server is asked")
    user = os.environ.get("INSIGHT_TEST_CLICKHOUSE_USER", "default")
    password = os.environ.get("INSIGHT_TEST_CLICKHOUSE_PASSWORD", "")
    opened = remote(url, user, password, layout_given())
    opened.execute(f"DROP DATABASE IF EXISTS insight{layout_given().on_cluster} SYNC")
    opened.prepare()
    yield opened
    opened.close()


def records(folder: Path) -> dict[Signal, Path]:
    made = Records()
    for number in range(5):
        made.request(ago(60 + number), status=500 if number == 0 else 200)
    made.log(ago(50), "of a person", attributes={"user.id": "42"})
    made.log(ago(5 * 86_400), "older", service="noisy")
    made.span(ago(60), 1, 1, name="GET /", attributes={"user.id": "42"})
    made.span(ago(60), 2, 2, name="GET /")
    made.metric("load").gauge.data_points.add(time_unix_nano=1_790_000_000 * 10**9, as_double=1)
    files = {}
    for signal, message in (
        (Signal.LOGS, made.logs),
        (Signal.TRACES, made.spans),
        (Signal.METRICS, made.metrics),
    ):
        files[signal] = folder / f"{signal.value}.pb"
        files[signal].write_bytes(segments.encode(message.SerializeToString(), 1))
    return files


def filled(store: Store, folder: Path) -> Store:
    for signal, file in records(folder).items():
        store.insert(signal, file, f"{signal.value}-1")
    return store


def count(store: Store, table: str, what: str = "count()") -> int:
    return int(store.lines(f"SELECT {what} FROM insight.{table}")[0])


def test_a_repeated_insert_stores_and_derives_nothing_twice(store: Store, tmp_path: Path) -> None:
    filled(filled(store, tmp_path), tmp_path)
    assert count(store, "logs") == 7
    assert count(store, "edge_requests") == 5
    assert count(store, "request_minutes", "sum(Requests)") == 5
    assert count(store, "service_minutes", "sum(Requests)") == 5
    assert count(store, "traces", "sum(Spans)") == count(store, "spans") == 2
    assert count(store, "series") == count(store, "metrics") == 1


def test_records_that_cannot_be_read_are_refused_whole(store: Store, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pb"
    file = records(tmp_path)[Signal.LOGS]
    broken.write_bytes(file.read_bytes() + segments.encode(b"\xff\xff poison", 1))
    with pytest.raises(StoreRefusedError):
        store.insert(Signal.LOGS, broken, "logs-2")
    assert count(store, "logs") == 0


def test_tables_that_are_there_stay_as_they_are(store: Store, tmp_path: Path) -> None:
    filled(store, tmp_path)
    if isinstance(store, RemoteStore):
        store.prepare()
    assert count(store, "logs") == 7


def test_a_query_reads_and_one_that_writes_is_refused(store: Store, tmp_path: Path) -> None:
    filled(store, tmp_path)
    asked = Query(
        "SELECT count() FROM logs WHERE ServiceName = {s:String}", parameters={"s": "web"}
    )
    assert store.run(asked) == b"1\n"
    with pytest.raises(StoreQueryError):
        store.run(Query("DROP TABLE logs"))
    with pytest.raises(StoreQueryError):
        store.run(Query("SELECT nonsense"))


def test_retention_and_deletion_remove_what_they_say(store: Store, tmp_path: Path) -> None:
    filled(store, tmp_path)
    layout = store_layout(store)
    retention = Retention(store, default_days=365, layout=layout)
    retention.change([Change(Signal.LOGS, "noisy", 2)], "tester", dry_run=False)
    retention.sweep()
    assert count(store, "logs") == 6
    deletions = Deletions(store, layout=layout)
    deletions.request({"logs": "user.id:42", "traces": "user.id:42"}, WEEK, "tester")
    assert deletions.run_next()
    assert deletions.newest()[0].state is State.DONE
    assert (count(store, "logs"), count(store, "spans"), count(store, "traces")) == (5, 1, 1)


def test_a_wrong_password_and_a_server_that_is_away_are_told(tmp_path: Path) -> None:
    with clickhouse_front(tmp_path) as url:
        assert refusal(remote(url, USER, "guess")) == 516
    assert refusal(remote("http://127.0.0.1:1", USER, PASSWORD)) == 210


def refusal(store: RemoteStore) -> int:
    with closing(store), pytest.raises(StoreQueryError) as refused:
        store.lines("SELECT 1")
    return refused.value.code


def test_a_server_of_version_2_is_brought_to_the_present_one(tmp_path: Path) -> None:
    with clickhouse_front(tmp_path) as url, closing(remote(url, USER, PASSWORD)) as opened:
        opened.prepare()
        for statement in version2.statements():
            opened.execute(statement)
        filled(opened, tmp_path)
        opened.prepare()
        assert count(opened, "log_patterns", "sum(Entries)") == 7
        assert count(opened, "schema_migrations", "max(Version)") == migrations.LATEST


def test_every_statement_for_a_cluster_is_read_by_the_parser() -> None:
    """Replicated tables, the distributed ones over them, and views from local to local."""
    layout = Layout("main", ColdTier("hot_and_cold", 7))
    later = (
        *(statement for table in INSERTED for statement in layout.cooling_statements(table)),
        *migrations.MIGRATIONS[-1].rebuild(layout, ["2026-01-01"]),
    )
    statements = (
        *migrations.bootstrap_statements(layout),
        *migrations.create_statements(layout),
    )
    connection = Connection(":memory:")
    for statement in (*statements, *later):
        quoted = statement.replace("\\", "\\\\").replace("'", "\\'")
        connection.query(f"SELECT formatQuery('{quoted}')")
    connection.close()
    text = "\n".join(statements)
    assert text.count("ENGINE = Distributed(`main`") == len(migrations.TABLES) + 1
    assert "ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/insight/traces'" in text
    assert "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/insight/retention', " in text
    assert "TO insight.traces_local" in text
    assert "FROM insight.spans_local WHERE" in text
    assert "non_replicated_deduplication_window" not in text


def with_cold_disk(folder: Path) -> Path:
    """A server's configuration with a second disk in the place of a bucket."""
    configuration = folder / "disks.xml"
    configuration.write_text(
        f"""<clickhouse><storage_configuration>
        <disks><bucket><type>local</type><path>{folder}/bucket/</path></bucket></disks>
        <policies><hot_and_cold><volumes>
        <default><disk>default</disk></default><cold><disk>bucket</disk></cold>
        </volumes></hot_and_cold></policies>
        </storage_configuration></clickhouse>"""
    )
    return configuration


def test_what_is_on_the_cold_tier_and_when_the_rest_goes_there_is_told(tmp_path: Path) -> None:
    layout = Layout(cold=ColdTier("hot_and_cold", 3))
    made = Records()
    for age in (0, 2, 9):
        made.log(ago(age * 86_400), f"{age} days old")
        made.span(ago(age * 86_400), 1 + age, 1)
    with clickhouse_front(tmp_path, with_cold_disk(tmp_path)) as url:
        opened = remote(url, USER, PASSWORD, layout)
        opened.prepare()
        made.insert(opened, tmp_path)
        eventually(lambda: _disks(opened) == {0: "default", 2: "default", 9: "bucket"}, 60, "moved")
        report = Retention(opened, default_days=14, layout=layout).report()
        opened.close()
    cold = report["cold"]
    assert isinstance(cold, dict)
    assert (cold["policy"], cold["days"]) == (
        "hot_and_cold",
        {"logs": 3, "traces": 3, "metrics": 3},
    )
    assert 0 < cold["stored_bytes"] < report["stored_bytes"]
    removals = report["removals"]
    assert isinstance(removals, list)
    for one in removals:
        day = date.fromisoformat(one["day"])
        assert one["cold_on"] == str(day + timedelta(days=3))


def _disks(opened: RemoteStore) -> dict[int, str]:
    """Age in days → where the log entries of that day are."""
    lines = opened.lines(
        "SELECT partition, any(disk_name) FROM system.parts WHERE active AND table = 'logs' "
        "AND database = 'insight' GROUP BY partition"
    )
    found = (line.split("\t") for line in lines)
    return {(NOW.date() - date.fromisoformat(day)).days: disk for day, disk in found}


def test_a_store_without_a_cold_tier_says_so(store: Store) -> None:
    assert Retention(store, default_days=14, layout=store_layout(store)).report()["cold"] is None


def store_layout(store: Store) -> Layout:
    return store.layout if isinstance(store, RemoteStore) else Layout()
