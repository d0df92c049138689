"""Exactly once: what a kill between insert and removal leads to, step by step, in the engine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from insightengine.telemetry import segments
from insightengine.telemetry.ingest import SignalIngester
from insightengine.telemetry.insertion import RetryLaterError, StoreRefusedError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.priorities import MERGES_NICE, merging_threads
from insightengine.telemetry.schema.layout import Layout
from insightengine.telemetry.schema.views import VIEWS
from insightengine.telemetry.store_engine import EngineLimits, StoreEngine
from insightengine.telemetry.store_query import Query

LIMITS = EngineLimits(memory_bytes=256 * 1024**2, query_timeout_s=20)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def engine(path: Path) -> Iterator[StoreEngine]:
    opened = StoreEngine(path, LIMITS)
    yield opened
    opened.close()


def edge_log(folder: Path, requests: int) -> Path:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "edge"
    scope = resource.scope_logs.add()
    for _ in range(requests):
        record = scope.log_records.add(time_unix_nano=time.time_ns())
        record.body.string_value = "GET /orders/4711 502"
        for key, value in (("status", "502"), ("duration_s", "0.25"), ("upstream_s", "0.1, 0.05")):
            record.attributes.add(key=key).value.string_value = value
    file = folder / "segment.pb"
    file.write_bytes(segments.encode(request.SerializeToString(), requests))
    return file


FAILING_VIEW = (
    "CREATE MATERIALIZED VIEW insight.zz_failing TO insight.log_minutes AS "
    "SELECT toStartOfMinute(Timestamp) AS Minute, throwIf(1) AS IsOwn FROM insight.logs"
)


def counts(engine: StoreEngine) -> tuple[int, ...]:
    """Logs, and what three views make of them, the last one of another view's rows."""
    sql = (
        "SELECT (SELECT count() FROM logs), (SELECT count() FROM edge_requests), "
        "(SELECT sum(Entries) FROM log_minutes), (SELECT sum(Requests) FROM request_minutes)"
    )
    return tuple(int(count) for count in engine.run(Query(sql)).split())


def test_a_repeated_token_changes_nothing(engine: StoreEngine, tmp_path: Path) -> None:
    segment = edge_log(tmp_path, 5)
    for _ in range(3):
        engine.insert(Signal.LOGS, segment, "logs-a-0000000001")
    assert counts(engine) == (5, 5, 5, 5)


def test_a_token_is_known_after_a_restart(path: Path, tmp_path: Path) -> None:
    segment = edge_log(tmp_path, 5)
    for _ in range(2):
        engine = StoreEngine(path, LIMITS)
        engine.insert(Signal.LOGS, segment, "logs-a-0000000001")
        assert counts(engine) == (5, 5, 5, 5)
        engine.close()


def test_an_insert_that_ended_before_the_views_is_completed(
    engine: StoreEngine, tmp_path: Path
) -> None:
    (view,) = (view for view in VIEWS if view.name == "edge_requests_from")
    engine.execute("DROP VIEW insight.edge_requests_from")
    segment = edge_log(tmp_path, 5)
    engine.insert(Signal.LOGS, segment, "logs-a-0000000001")
    assert counts(engine) == (5, 0, 5, 0)
    engine.execute(Layout().view_statement(view))
    engine.insert(Signal.LOGS, segment, "logs-a-0000000001")
    assert counts(engine) == (5, 5, 5, 5)


def test_an_insert_that_failed_in_a_view_is_completed_by_the_same_token(
    engine: StoreEngine, tmp_path: Path
) -> None:
    """Why that is no reason to split: the table has the rows by then."""
    engine.execute(FAILING_VIEW)
    segment = edge_log(tmp_path, 5)
    with pytest.raises(StoreRefusedError) as refused:
        engine.insert(Signal.LOGS, segment, "logs-a-0000000001")
    assert refused.value.in_view
    assert counts(engine)[0] == 5
    engine.execute("DROP VIEW insight.zz_failing SYNC")
    engine.insert(Signal.LOGS, segment, "logs-a-0000000001")
    assert counts(engine) == (5, 5, 5, 5)


def test_a_view_that_always_fails_keeps_nothing_from_the_table_and_doubles_nothing(
    engine: StoreEngine, tmp_path: Path
) -> None:
    engine.execute(FAILING_VIEW)
    spool = tmp_path / "spool"
    spool.mkdir()
    edge_log(tmp_path, 5).rename(spool / "logs-1700000000000ab-0000000001.pb")
    ingester = SignalIngester(spool, Signal.LOGS, engine)
    for _ in range(2):
        with pytest.raises(RetryLaterError):
            ingester.drain()
    assert ingester.drain()
    assert counts(engine) == (5, 5, 5, 5)
    assert ingester.counters.without_views == 1
    assert ingester.counters.set_aside_entries == 0
    assert list(spool.glob("logs-*")) == []


def test_a_refused_segment_leaves_nothing(engine: StoreEngine, tmp_path: Path) -> None:
    segment = edge_log(tmp_path, 5)
    content = segment.read_bytes() + segments.encode(b"\xff\xff poison", 1)
    segment.write_bytes(content)
    with pytest.raises(StoreRefusedError) as refused:
        engine.insert(Signal.LOGS, segment, "logs-a-0000000001")
    assert refused.value.code != 0
    assert counts(engine) == (0, 0, 0, 0)


def test_times_of_the_edge_are_milliseconds(engine: StoreEngine, tmp_path: Path) -> None:
    engine.insert(Signal.LOGS, edge_log(tmp_path, 1), "logs-a-0000000001")
    answer = engine.run(Query("SELECT Status, DurationMs, round(UpstreamMs, 6) FROM edge_requests"))
    assert answer == b"502\t250\t150\n"


def test_merges_give_way_to_queries(engine: StoreEngine) -> None:
    assert counts(engine) == (0, 0, 0, 0)
    threads = merging_threads()
    assert threads
    assert {os.getpriority(os.PRIO_PROCESS, each) for each in threads} == {MERGES_NICE}
