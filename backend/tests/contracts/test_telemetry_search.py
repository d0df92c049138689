"""Facets, completions, context, live entries, exceptions and flame graphs, from the real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from insightengine.core.errors import InvalidInputError, LimitExceededError, NotFoundError
from insightengine.core.time import TimeRange
from insightengine.telemetry.models import SortOrder
from insightengine.telemetry.query import (
    Asker,
    SearchQueries,
    TelemetryQueries,
    TraceFilter,
    facets,
    log_filter,
    trace_filter,
)
from insightengine.telemetry.search_models import Signals
from tests.contracts.filled_store import NOW, Records, ago, describe, filled
from tests.contracts.store_harness import Telemetry

DAY = TimeRange(NOW - timedelta(hours=24), NOW + timedelta(minutes=1))
STACK = """Traceback (most recent call last):
  File "/usr/lib/python3.12/site-packages/starlette/routing.py", line 76, in app
    await response
  File "/app/shop/payments.py", line {line}, in charge
    raise PaymentError(order)
"""
STACK_AROUND = """Traceback (most recent call last):
  File "/app/shop/around.py", line 7, in handle
    await following(request)
"""


def _fail(made: Records) -> None:
    """Payments that fail on their spans and in their logs, and a job that fails in its log."""
    for number, line in enumerate((88, 91)):
        failed = made.span(
            ago(600 - number),
            *(10 + number, 1),
            name="POST /pay",
            ms=50,
            attributes={
                "http.response.status_code": 500,
                "http.route": "/pay",
                "deployment.environment.name": "production",
                "service.version": f"r{number}",
                "insight.colour": ("blue", "green")[number],
            },
        )
        for later_ns, stack in enumerate((STACK.format(line=line), STACK_AROUND)):
            at_ns = failed.start_time_unix_nano + later_ns
            event = failed.events.add(name="exception", time_unix_nano=at_ns)
            describe(
                event,
                {
                    "exception.type": "PaymentError",
                    "exception.message": f"order {number} was declined",
                    "exception.stacktrace": stack,
                },
            )
        made.log(
            ago(600 - number),
            "request failed",
            service="worker",
            severity=17,
            attributes={
                "exception.type": "PaymentError",
                "exception.message": f"order {number} was declined",
            },
            of=(10 + number, 1),
        )
    made.log(
        ago(500),
        "job failed",
        service="worker",
        severity=17,
        attributes={"exception.type": "KeyError", "exception.message": "'sku-4711'"},
    )


def _records() -> Records:
    made = Records()
    for number in range(30):
        made.log(
            ago(7200 - number),
            f"line {number}",
            service="checkout" if number % 3 == 0 else "web",
            severity=17 if number % 10 == 0 else 9,
            attributes={"http.route": "/a" if number % 2 else "/b", "user.id": 900_000 + number},
            resource={"host.name": "node-1", "service.version": "r7"},
        )
    _fail(made)
    for number in range(2):
        start, trace = ago(300 - number), 20 + number
        made.span(start, trace, 1, name="GET /", ms=100)
        for child in (2, 3):
            at = start + timedelta(milliseconds=10 * (child - 1))
            made.span(at, trace, child, parent=1, name="SELECT", service="db", ms=40)
        made.span(start, trace, 4, parent=99, name="lost", service="db", ms=5)
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with filled(tmp_path_factory.mktemp("searched"), _records()) as running:
        running.start("collector")
        yield running


@pytest.fixture
async def asker(store: Telemetry) -> AsyncIterator[Asker]:
    client = store.client()
    yield Asker(client)
    await client.close()


async def test_facets_count_all_entries_or_say_that_they_are_a_sample(asker: Asker) -> None:
    counted = await SearchQueries(asker).facets(DAY, log_filter(service="web"))
    sampled = await SearchQueries(asker).facets(DAY, log_filter(q="service:web"))
    assert counted.sampled_entries is None
    assert sampled.sampled_entries == 20_000
    for found in (counted, sampled):
        by_key = {f.key: {v.value: v.entries for v in f.values} for f in found.items}
        assert by_key["http.route"] == {"/a": 10, "/b": 10}
        assert by_key["level"] == {"info": 18, "error": 2}
        assert by_key["host.name"] == {"node-1": 20}
        assert by_key["release"] == {"r7": 20}


async def test_patterns_count_all_entries_or_say_that_they_are_a_sample(asker: Asker) -> None:
    counted = await SearchQueries(asker).patterns(DAY, log_filter(service="web"))
    sampled = await SearchQueries(asker).patterns(DAY, log_filter(q="service:web"))
    assert (counted.sampled_entries, sampled.sampled_entries) == (None, 20_000)
    for found in (counted, sampled):
        (only,) = found.items
        assert (only.pattern, only.entries, found.entries) == ("line <*>", 20, 20)
        assert (only.services, only.level) == (("web",), "error")
        page = await TelemetryQueries(asker).logs(DAY, log_filter(service="web", q=only.search))
        assert len(page.items) == 20


async def test_ids_are_no_facets_of_the_rollup(asker: Asker) -> None:
    counted = await SearchQueries(asker).facets(DAY, log_filter())
    assert "user.id" not in {facet.key for facet in counted.items}


async def test_facets_of_traces_count_traces_by_what_their_spans_have(asker: Asker) -> None:
    found = await SearchQueries(asker).trace_facets(DAY, TraceFilter())
    assert found.sampled_entries is None
    assert {f.key: {v.value: v.entries for v in f.values} for f in found.items} == {
        "service": {"web": 4, "db": 2},
        "name": {"GET /": 2, "POST /pay": 2, "SELECT": 2, "lost": 2},
        "kind": {"server": 4},
        "status": {"500": 2},
        "route": {"/pay": 2},
        "environment": {"production": 2},
        "release": {"r0": 1, "r1": 1},
        "colour": {"blue": 1, "green": 1},
    }


@pytest.mark.parametrize("q", ["", "service:web", "-status:500"])
async def test_so_many_traces_as_a_facet_counts_are_left_when_its_value_is_searched_for(
    asker: Asker, q: str
) -> None:
    facets = await SearchQueries(asker).trace_facets(DAY, trace_filter(q=q))
    values = [(f'{f.key}:"{v.value}"', v.entries) for f in facets.items for v in f.values]
    assert values
    for term, entries in values:
        left = await TelemetryQueries(asker).traces(DAY, trace_filter(q=f"{q} {term}"))
        assert (term, len(left.items)) == (term, entries)


async def test_facets_of_more_traces_than_are_counted_say_of_how_many_they_are(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "TRACE_SAMPLE", 2)
    found = await SearchQueries(asker).trace_facets(DAY, TraceFilter(service="web"))
    assert found.sampled_entries == 2
    names = {f.key: {v.value: v.entries for v in f.values} for f in found.items}["name"]
    assert names == {"GET /": 2, "SELECT": 2, "lost": 2}


async def test_traces_that_nothing_fits_have_no_facets(asker: Asker) -> None:
    found = await SearchQueries(asker).trace_facets(DAY, trace_filter(q="service:nobody"))
    assert (found.items, found.sampled_entries) == ((), None)


async def test_a_thousand_traces_fit_into_the_address_of_the_question(asker: Asker) -> None:
    trace = {"begin_ns": 0, "finish_ns": 1, "TraceId": "f" * 32}
    wanted = facets.trace_statement([trace] * facets.TRACE_SAMPLE, TraceFilter())
    assert await asker.rows(wanted) == []


@pytest.mark.parametrize(
    ("signals", "typed", "texts"),
    [
        (Signals.LOGS, "lev", ["level"]),
        (Signals.LOGS, "level:er", ["error"]),
        (Signals.LOGS, "service:", ["web", "checkout", "worker"]),
        (Signals.LOGS, "a (-http.r", ["http.route"]),
        (Signals.LOGS, "http.route:/", ["/a", "/b"]),
        (Signals.LOGS, "route:", ["/a", "/b"]),
        (Signals.TRACES, "service:d", ["db"]),
        (Signals.TRACES, "name:post", ['"POST /pay"']),
        (Signals.TRACES, "error:", ["true", "false"]),
        (Signals.LOGS, '"level:', []),
    ],
)
async def test_what_may_follow_is_offered(
    asker: Asker, signals: Signals, typed: str, texts: list[str]
) -> None:
    found = await SearchQueries(asker).completions(signals, typed, None)
    assert [item.text for item in found.items] == texts


async def test_a_completion_says_what_it_replaces(asker: Asker) -> None:
    found = await SearchQueries(asker).completions(Signals.LOGS, "a -level:er b", 11)
    assert (found.start, found.end) == (9, 11)


async def test_entries_around_one_are_those_just_before_and_after(asker: Asker) -> None:
    wanted = log_filter(service="web")
    page = await TelemetryQueries(asker).logs(DAY, wanted, order=SortOrder.ASCENDING)
    anchor = page.items[8]
    found = await SearchQueries(asker).context(anchor.id, wanted, 3)
    assert found.before == page.items[5:8]
    assert found.after == page.items[9:12]


async def test_an_id_that_is_none_is_refused(asker: Asker) -> None:
    with pytest.raises(InvalidInputError):
        await SearchQueries(asker).context("x", log_filter(), 3)


async def test_new_entries_are_told_once(asker: Asker, store: Telemetry) -> None:
    told: list[str] = []

    async def listen() -> None:
        async for part in SearchQueries(asker).tail(log_filter(service="live"), poll_s=0.1):
            told.extend(entry.body for entry in part.items)
            if len(told) >= 3:
                return

    listening = asyncio.create_task(listen())
    for number in range(3):
        await asyncio.to_thread(_send, store, f"now {number}")
        await asyncio.sleep(0.3)
    await asyncio.wait_for(listening, 20)
    assert told == ["now 0", "now 1", "now 2"]


def _send(store: Telemetry, body: str) -> None:
    import time
    import urllib.request

    made = Records()
    made.log(NOW, body, service="live")
    (entry,) = made.logs.resource_logs
    entry.scope_logs[0].log_records[0].time_unix_nano = time.time_ns()
    request = urllib.request.Request(
        f"{store.collector_url}/v1/logs",
        made.logs.SerializeToString(),
        {"Content-Type": "application/x-protobuf"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


async def test_an_exception_that_is_logged_and_recorded_twice_on_its_span_counts_once(
    asker: Asker,
) -> None:
    groups = (await SearchQueries(asker).exceptions(DAY, None)).items
    assert [group.occurrences for group in groups if group.type == "PaymentError"] == [2]


async def test_exceptions_of_the_same_place_are_one_group(asker: Asker) -> None:
    searches = SearchQueries(asker)
    found = {group.type: group for group in (await searches.exceptions(DAY, None)).items}
    payment = found["PaymentError"]
    assert (payment.occurrences, payment.service) == (2, "web")
    assert payment.message == "order 1 was declined"
    assert found["KeyError"].occurrences == 1
    detail = await searches.exception(DAY, payment.group_id, None)
    assert sum(point.occurrences for point in detail.points) == 2
    assert "line 91, in charge" in detail.occurrences[0].stacktrace
    assert detail.occurrences[0].trace_id == f"{11:032x}"
    with pytest.raises(NotFoundError):
        await searches.exception(DAY, "0" * 16, None)


async def test_a_flame_graph_adds_up_spans_of_the_same_way(asker: Asker) -> None:
    graph = await SearchQueries(asker).flame_graph(DAY, TraceFilter(route="GET /"), None)
    assert (graph.traces, graph.spans) == (2, 8)
    root, lost = graph.roots
    assert (root.name, root.spans, root.total_ms) == ("GET /", 2, pytest.approx(200))
    (select,) = root.children
    assert (select.spans, select.total_ms) == (4, pytest.approx(160))
    # The two children of each root cover 10 to 60 ms of it, 30 ms of that both.
    assert root.self_ms == pytest.approx(100)
    assert (lost.name, lost.spans) == ("lost", 2)


async def test_sql_is_cut_and_bounded(store: Telemetry) -> None:
    client = store.client()
    table = await client.table(
        "SELECT number AS n, toString(number) AS s FROM numbers(100000)",
        timeout_s=5,
        most_rows=10,
    )
    assert (table.columns, table.types) == (("n", "s"), ("UInt64", "String"))
    assert len(table.rows) == 10
    assert table.truncated
    with pytest.raises(LimitExceededError):
        await client.table("SELECT sleepEachRow(1) FROM numbers(9)", timeout_s=1, most_rows=10)
    with pytest.raises(InvalidInputError):
        await client.table("DROP TABLE logs", timeout_s=1, most_rows=10)
    await client.close()
