"""Metrics over time by the builder, from the real store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from insightengine.core.errors import InvalidInputError, NotFoundError
from insightengine.core.time import TimeRange, to_ns
from insightengine.telemetry.metric_models import Aggregate
from insightengine.telemetry.query import Asker, MetricQueries
from insightengine.telemetry.query.builder import MetricQuery
from insightengine.telemetry.query.language import parse
from tests.contracts.filled_store import NOW, Records, ago, describe, filled
from tests.contracts.store_harness import Telemetry

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
START = ago(3600).replace(second=0)
RANGE = TimeRange(START, START + timedelta(minutes=10))


def at(minute: float) -> int:
    return to_ns(START + timedelta(minutes=minute))


def _records() -> Records:
    made = Records()
    for host, level in (("node-1", 10.0), ("node-2", 30.0)):
        gauge = made.metric("load", service="host", resource={"host.name": host}).gauge
        cpu = made.metric(
            "system.cpu.utilization", service="host", resource={"host.name": host}
        ).gauge
        for minute in range(10):
            gauge.data_points.add(time_unix_nano=at(minute), as_double=level)
            cpu.data_points.add(time_unix_nano=at(minute), as_double=0.25)
    for route, step in (("/a", 60), ("/b", 120)):
        counter = made.metric("requests").sum
        counter.aggregation_temporality, counter.is_monotonic = CUMULATIVE, True
        for minute in range(-1, 10):
            # Restarted after five minutes: it begins again with what came since.
            value = step * (minute + 2) if minute < 5 else step * (minute - 4)
            point = counter.data_points.add(time_unix_nano=at(minute), as_int=value)
            describe(point, {"http.route": route})
    delta = made.metric("jobs").sum
    delta.aggregation_temporality, delta.is_monotonic = DELTA, True
    for minute in range(10):
        delta.data_points.add(time_unix_nano=at(minute), as_int=30)
    explicit = made.metric("latency").histogram
    explicit.aggregation_temporality = CUMULATIVE
    for minute in range(-1, 10):
        n = minute + 2
        explicit.data_points.add(
            time_unix_nano=at(minute),
            count=100 * n,
            sum=1000.0 * n,
            explicit_bounds=[10, 20, 40],
            bucket_counts=[50 * n, 40 * n, 10 * n, 0],
        )
    for scale in (1, 2):
        exponential = made.metric("size", resource={"scale": str(scale)}).exponential_histogram
        exponential.aggregation_temporality = DELTA
        for minute in range(10):
            # All within (16, 32]: two buckets at scale 1, four at scale 2.
            buckets = [10] * 2**scale
            point = exponential.data_points.add(
                time_unix_nano=at(minute), count=10 * 2**scale, sum=1, scale=scale
            )
            point.positive.offset = 4 * 2**scale
            point.positive.bucket_counts.extend(buckets)
    return made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with filled(tmp_path_factory.mktemp("measured"), _records()) as running:
        yield running


@pytest.fixture
async def metrics(store: Telemetry) -> AsyncIterator[MetricQueries]:
    client = store.client()
    yield MetricQueries(Asker(client))
    await client.close()


async def values(
    metrics: MetricQueries, wanted: MetricQuery, step_s: int = 60
) -> dict[tuple[str, ...], set[float | None]]:
    """Labels → the values that occur."""
    found = await metrics.query(RANGE, wanted, step_s)
    return {
        tuple(series.labels.values()): {
            None if point.value is None else round(point.value, 6) for point in series.points
        }
        for series in found.series
    }


async def test_names_and_labels_are_listed(metrics: MetricQueries) -> None:
    found = {metric.name: metric for metric in (await metrics.names(RANGE, None, None)).items}
    assert found["requests"].series == 2
    assert found["requests"].type == "sum"
    labels = {label.key: label for label in (await metrics.labels(RANGE, "load")).items}
    assert [value.value for value in labels["host.name"].values] == ["node-1", "node-2"]


async def test_gauges_are_averaged_and_grouped(metrics: MetricQueries) -> None:
    assert await values(metrics, MetricQuery("load")) == {(): {20.0}}
    assert await values(metrics, MetricQuery("load", Aggregate.MAX)) == {(): {30.0}}
    by_host = MetricQuery("load", group_by=("host.name",))
    assert await values(metrics, by_host) == {("node-2",): {30.0}, ("node-1",): {10.0}}
    one = MetricQuery("load", search=parse("host.name:node-1"))
    assert await values(metrics, one) == {(): {10.0}}


async def test_the_rate_of_a_counter_survives_its_restart(metrics: MetricQueries) -> None:
    wanted = MetricQuery("requests", Aggregate.SUM, rate=True, group_by=("http.route",))
    assert await values(metrics, wanted) == {("/b",): {2.0}, ("/a",): {1.0}}
    whole = MetricQuery("requests", Aggregate.SUM, rate=True)
    assert await values(metrics, whole) == {(): {3.0}}


async def test_the_rate_of_deltas_is_their_sum(metrics: MetricQueries) -> None:
    assert await values(metrics, MetricQuery("jobs", Aggregate.SUM, rate=True)) == {(): {0.5}}


async def test_quantiles_of_explicit_buckets_are_between_their_bounds(
    metrics: MetricQueries,
) -> None:
    assert await values(metrics, MetricQuery("latency", Aggregate.P50)) == {(): {10.0}}
    assert await values(metrics, MetricQuery("latency", Aggregate.P90)) == {(): {20.0}}
    assert await values(metrics, MetricQuery("latency", Aggregate.P95)) == {(): {30.0}}
    rate = MetricQuery("latency", Aggregate.SUM, rate=True)
    assert await values(metrics, rate) == {(): {round(100 / 60, 6)}}
    assert await values(metrics, MetricQuery("latency")) == {(): {10.0}}


async def test_exponential_histograms_of_different_scales_are_joined(
    metrics: MetricQueries,
) -> None:
    (found,) = (await values(metrics, MetricQuery("size", Aggregate.P50))).values()
    assert found == {round(2**4.5, 6)}


async def test_a_gauge_has_no_rate_and_an_unknown_metric_is_not_found(
    metrics: MetricQueries,
) -> None:
    with pytest.raises(InvalidInputError, match="no rate"):
        await metrics.query(RANGE, MetricQuery("load", rate=True), 60)
    with pytest.raises(NotFoundError):
        await metrics.query(RANGE, MetricQuery("nothing"), 60)


async def test_hosts_show_their_newest_figures(metrics: MetricQueries) -> None:
    hosts = (await metrics.hosts(RANGE)).items
    assert [host.host for host in hosts] == ["node-1", "node-2"]
    assert hosts[0].cpu_ratio == 0.25
    assert hosts[0].memory_bytes is None
    assert hosts[0].last_seen >= NOW - timedelta(hours=1)
