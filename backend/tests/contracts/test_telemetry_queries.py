"""What the console asks, answered by the real store over records that tests know."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.core.time import TimeRange
from insightengine.telemetry.models import SortOrder
from insightengine.telemetry.query import (
    Asker,
    SearchQueries,
    TelemetryQueries,
    TraceFilter,
    log_filter,
)
from insightengine.telemetry.query.language import parse
from tests.contracts.filled_store import NOW, Records, ago, filled
from tests.contracts.store_harness import Telemetry

DAY = TimeRange(NOW - timedelta(hours=24), NOW + timedelta(minutes=1))
BODIES = {
    "declined": "payment 42 for order A-17: card declined (limit)",
    "connection": "Connection to postgres refused",
    "connections": "all connections in use",
    "umlaut": "Größe der Bestellung unbekannt",
    "quote": 'said "hello" 100% of_the time',
}


def _records() -> tuple[Records, Records]:
    first, second = Records(), Records()
    for number, body in enumerate(BODIES.values()):
        first.log(ago(3600 + number), body, severity=17 if "declined" in body else 9)
    first.log(
        ago(7200),
        "checkout done",
        service="checkout",
        attributes={"user.id": 42, "status": 200, "path": "/checkout"},
        resource={"host.name": "node-1"},
    )
    second.log(
        ago(7100),
        "checkout failed",
        service="checkout",
        severity=21,
        attributes={"user.id": 43, "http.response.status_code": 503, "path": "/checkout"},
        resource={"host.name": "node-2"},
    )
    second.log(ago(7000), "alive", service="health", attributes={"path": "/health"})
    for number in range(300):
        first.request(ago(120 + number * 60), status=500 if number % 10 == 0 else 200, ms=10)
        second.request(ago(150 + number * 60), route="/slow", ms=100)
    first.span(ago(600), 1, 1, name="GET /orders", ms=80)
    second.span(ago(599.99), 1, 2, parent=1, service="orders", ms=30, attributes={"user.id": "42"})
    first.span(ago(5000), 2, 3, name="GET /products", is_error=True)
    first.span(ago(80000), 3, 4, name="nightly", service="worker", ms=60_000)
    for chain in range(100):
        for depth in range(100):
            number = 1 + 100 * chain + depth
            parent = number - 1 if depth else 77_777
            second.span(ago(86_000), 4, number, parent=parent, name=f"step {depth}", ms=100 - depth)
    return first, second


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with filled(tmp_path_factory.mktemp("asked"), *_records()) as running:
        yield running


@pytest.fixture
async def queries(store: Telemetry) -> AsyncIterator[TelemetryQueries]:
    client = store.client()
    yield TelemetryQueries(Asker(client))
    await client.close()


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("declined", ["declined"]),
        ("DECLINED Card", ["declined"]),
        ('"card declined"', ["declined"]),
        ('"declined card"', []),
        ("order A-17:", ["declined"]),
        ("A-18", []),
        ("connection", ["connection"]),
        ("connect*", ["connection", "connections"]),
        ("*nections", ["connections"]),
        ("declined OR refused", ["declined", "connection"]),
        ("connect* -refused", ["connections"]),
        ("größe", ["umlaut"]),
        ("100%", ["quote"]),
        ('"said \\"hello\\""', ["quote"]),
        ("of_the", ["quote"]),
        ("level:error service:web", ["declined"]),
    ],
)
async def test_words_are_found(queries: TelemetryQueries, search: str, found: list[str]) -> None:
    page = await queries.logs(DAY, log_filter(q=f"service:web ({search})"))
    assert [entry.body for entry in page.items] == [BODIES[name] for name in found]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("user.id:42", ["checkout done"]),
        ("user:(42 OR 43)", ["checkout failed", "checkout done"]),
        ("status:>=500", ["checkout failed"]),
        ("status:<500", ["checkout done"]),
        ("host.name:node-2", ["checkout failed"]),
        ("-path:/health", ["checkout failed", "checkout done"]),
        ("path:/check*", ["checkout failed", "checkout done"]),
        ("-user.id:*", ["alive"]),
        ("level:>=error", ["checkout failed"]),
        ("level:info", ["alive", "checkout done"]),
        ("path:~^/c.*t$", ["checkout failed", "checkout done"]),
        ("(user:42 OR level:fatal) -host:node-1", ["checkout failed"]),
    ],
)
async def test_fields_are_found(queries: TelemetryQueries, search: str, found: list[str]) -> None:
    page = await queries.logs(DAY, log_filter(q=f"-service:web -service:edge ({search})"))
    assert [entry.body for entry in page.items] == found


async def test_pages_join_to_the_whole_list_in_both_orders(queries: TelemetryQueries) -> None:
    for order in SortOrder:
        seen: list[str] = []
        cursor = None
        while True:
            page = await queries.logs(
                DAY, log_filter(service="edge"), cursor=cursor, limit=97, order=order
            )
            seen += [entry.id for entry in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == 600


async def test_a_days_histogram_counts_every_entry_of_its_range_once(
    queries: TelemetryQueries,
) -> None:
    """The range begins and ends within minutes that have entries."""
    asked = TimeRange(ago(120 + 250 * 60 + 0.5), ago(149))
    counted = await queries.log_histogram(asked, log_filter(service="edge"))
    searched = await queries.log_histogram(asked, log_filter(q="service:edge"))
    assert counted.step_s % 60 == 0
    assert counted.points == searched.points
    assert sum(point.info for point in counted.points) == 251 + 249


async def test_a_days_overview_is_that_of_its_requests(queries: TelemetryQueries) -> None:
    overview = await queries.overview(TimeRange(ago(120 + 250 * 60 + 0.5), ago(149)))
    assert overview.requests == 250 + 250
    assert overview.error_ratio == pytest.approx(25 / 500)
    assert overview.previous.requests == 49 + 50
    assert overview.p50_ms == pytest.approx(10, rel=0.05)
    assert overview.p95_ms == pytest.approx(100, rel=0.05)
    (service,) = overview.services
    assert (service.service, service.release, service.colour) == ("web", "r1", "blue")
    assert service.sent_bytes_per_s * 250 * 60 == pytest.approx(500_000, rel=0.02)


async def test_an_overview_of_one_service_counts_its_requests_alone(
    queries: TelemetryQueries,
) -> None:
    asked = TimeRange(ago(120 + 250 * 60 + 0.5), ago(149))
    web = await queries.overview(asked, service="web")
    nobody = await queries.overview(asked, service="nobody")
    assert (web.requests, nobody.requests) == (500, 0)
    assert nobody.services == web.services


async def test_releases_stand_beside_each_other_over_the_same_slots(
    queries: TelemetryQueries,
) -> None:
    found = await queries.releases(TimeRange(ago(1000), ago(100)), ["r1", "never"])
    known, unknown = found.releases
    assert (known.release, unknown.release) == ("r1", "never")
    assert [point.t for point in known.points] == [point.t for point in unknown.points]
    assert sum(point.requests for point in known.points) == 15 + 15
    assert sum(point.errors for point in known.points) == 2
    assert {point.error_ratio for point in unknown.points} == {None}


async def test_series_and_routes_of_a_day_come_from_the_same_requests(
    queries: TelemetryQueries,
) -> None:
    asked = TimeRange(ago(120 + 250 * 60 + 0.5), ago(149))
    series = await queries.requests(asked)
    assert series.step_s % 60 == 0
    assert sum(point.requests for point in series.points) == 500
    routes = {one.route: one for one in (await queries.routes(asked)).items}
    assert (routes["/"].requests, routes["/slow"].requests) == (250, 250)
    assert routes["/slow"].p95_ms == pytest.approx(100, rel=0.05)


async def test_traces_are_listed_newest_first_over_all_windows(queries: TelemetryQueries) -> None:
    first = await queries.traces(DAY, TraceFilter(), limit=2)
    assert [trace.root_name for trace in first.items] == ["GET /orders", "GET /products"]
    assert first.next_cursor is not None
    rest = await queries.traces(DAY, TraceFilter(), limit=2, cursor=first.next_cursor)
    assert [trace.root_name for trace in rest.items] == ["nightly", "step 0"]


async def test_a_trace_of_two_inserts_is_one(queries: TelemetryQueries) -> None:
    (trace,) = (await queries.traces(DAY, TraceFilter(service="orders"))).items
    assert (trace.spans, trace.services, trace.root_service) == (2, ("orders", "web"), "web")
    assert trace.duration_ms == pytest.approx(80)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("user.id:42", ["GET /orders"]),
        ("duration:>1s", ["nightly"]),
        ("error:true", ["GET /products"]),
        ('name:"GET /orders"', ["GET /orders"]),
        ("service:worker OR service:orders", ["GET /orders", "nightly"]),
        ("kind:client", []),
    ],
)
async def test_traces_are_found_by_any_of_their_spans(
    queries: TelemetryQueries, search: str, found: list[str]
) -> None:
    page = await queries.traces(DAY, TraceFilter(search=parse(search)))
    assert [trace.root_name for trace in page.items] == found


async def test_a_trace_is_shown_whole_and_what_is_missing_is_named(
    queries: TelemetryQueries,
) -> None:
    shown = await queries.trace(f"{1:032X}")
    assert [(span.name, span.parent_span_id) for span in shown.spans] == [
        ("GET /orders", None),
        ("GET /", f"{1:016x}"),
    ]
    assert shown.missing_parents == ()
    deep = await queries.trace(f"{4:032x}")
    assert len(deep.spans) == deep.total_spans == 10_000
    assert not deep.truncated
    assert deep.missing_parents == (f"{77_777:016x}",)
    with pytest.raises(NotFoundError):
        await queries.trace("f" * 32)


async def test_a_trace_of_more_spans_than_are_shown_says_so(
    queries: TelemetryQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("insightengine.telemetry.query.trace.MOST_SPANS", 9_998)
    cut = await queries.trace(f"{4:032x}")
    assert (cut.truncated, len(cut.spans), cut.total_spans) == (True, 9_998, 10_000)
    assert cut.missing_parents == ()


async def test_ten_thousand_spans_a_hundred_deep_are_a_flame_graph(store: Telemetry) -> None:
    client = store.client()
    graph = await SearchQueries(Asker(client)).flame_graph(DAY, TraceFilter(), f"{4:032x}")
    await client.close()
    assert graph.spans == 10_000
    depth, level = 0, graph.roots
    while level:
        depth, level = depth + 1, level[0].children
    assert depth == 100


async def test_a_pattern_that_is_none_is_refused(queries: TelemetryQueries) -> None:
    with pytest.raises(InvalidInputError):
        await queries.logs(DAY, log_filter(q="path:~("))
