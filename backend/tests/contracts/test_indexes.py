"""Searches for one value read a few granules of a merged part, not all of the range."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from insightengine.core.time import TimeRange
from insightengine.telemetry.models import SortOrder
from insightengine.telemetry.query import log_filter, trace_filter
from insightengine.telemetry.query.filters import in_range, span_where
from insightengine.telemetry.query.logs import page_statement
from insightengine.telemetry.query.statement import Statement, statement
from insightengine.telemetry.store_engine import StoreEngine
from insightengine.telemetry.store_query import Query
from tests.contracts.filled_store import LIMITS

ROWS = 40_000
GRANULE = 1024
END = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12)  # of one day: one part
ASKED = TimeRange(END - timedelta(hours=1), END)
_TIME = (
    f"toDateTime64({ASKED.start.timestamp():.0f}, 9, 'UTC') + toIntervalMillisecond(80 * number)"
)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreEngine]:
    opened = StoreEngine(tmp_path_factory.mktemp("indexed") / "store", LIMITS)
    attributes = "map('user.id', toString(number), 'kind', toString(number % 7))"
    opened.execute(
        "INSERT INTO insight.logs (Timestamp, ServiceName, Body, LogAttributes) "
        f"SELECT {_TIME}, 'web', concat('order ', toString(number), ' paid'), {attributes} "
        f"FROM numbers({ROWS})"
    )
    opened.execute(
        "INSERT INTO insight.spans (Timestamp, TraceId, SpanId, SpanAttributes) "
        f"SELECT {_TIME}, lower(hex(number)), '1', {attributes} FROM numbers({ROWS})"
    )
    for table in ("logs", "spans"):
        opened.execute(f"OPTIMIZE TABLE insight.{table} FINAL")
    yield opened
    opened.close()


def rows_read(engine: StoreEngine, wanted: Statement) -> tuple[int, int]:
    """How many rows were found, and how many were read for them."""
    given = {name: str(value) for name, value in wanted.parameters.items()}
    sql = f"{wanted.sql} SETTINGS use_query_condition_cache = 0"
    answer = json.loads(engine.run(Query(sql, format="JSON", parameters=given)))
    return int(answer["rows"]), int(answer["statistics"]["rows_read"])


@pytest.mark.parametrize("search", ["user.id:31415", "31415"])
def test_a_page_of_a_rare_value_reads_a_few_granules(engine: StoreEngine, search: str) -> None:
    wanted = page_statement(ASKED, log_filter(q=search), None, SortOrder.DESCENDING, 100)
    found, read = rows_read(engine, wanted)
    assert found == 1
    assert read <= 4 * GRANULE


def test_the_newest_entries_that_fit_a_frequent_value_do_not_read_the_range(
    engine: StoreEngine,
) -> None:
    wanted = page_statement(ASKED, log_filter(q="kind:3"), None, SortOrder.DESCENDING, 10)
    found, read = rows_read(engine, wanted)
    assert found == 11
    assert read < ROWS / 2


def test_spans_with_a_rare_attribute_are_found_in_a_few_granules(engine: StoreEngine) -> None:
    fitting = span_where(trace_filter(q="user.id:31415"))
    assert fitting is not None
    within = in_range(ASKED).and_(fitting.sql, **fitting.parameters)
    found, read = rows_read(
        engine, statement(f"SELECT TraceId FROM spans WHERE {within.sql}", within)
    )
    assert found == 1
    assert read <= 2 * GRANULE


def test_no_granule_of_a_day_is_asked_for_its_time(engine: StoreEngine) -> None:
    """Five minutes come first in the order of the table; a key behind what lies between would be
    compared with each granule's."""
    wanted = page_statement(ASKED, log_filter(q="paid"), None, SortOrder.DESCENDING, 100)
    given = {name: str(value) for name, value in wanted.parameters.items()}
    plan = engine.run(Query(f"EXPLAIN indexes = 1 {wanted.sql}", parameters=given)).decode()
    keys = re.search(r"PrimaryKey\n[^\n]*Keys:([^:]*)Condition", plan)
    assert keys is not None, plan
    assert re.findall(r"\w+\(?\w+\)?", keys[1]) == ["toStartOfFiveMinutes(Timestamp)"]
