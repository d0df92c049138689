"""What is computed of rows, without a store."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.time import TimeRange
from insightengine.telemetry.query.cursors import TraceCursor
from insightengine.telemetry.query.durations import percentiles_ms
from insightengine.telemetry.query.histograms import of_bounds, of_exponents
from insightengine.telemetry.query.minutes import MINUTE_NS, whole_minutes_ns
from insightengine.telemetry.query.traces import windows
from insightengine.telemetry.schema.views import BUCKETS_A_DOUBLING

END = datetime(2026, 1, 1, tzinfo=UTC)
DAY = TimeRange(END - timedelta(hours=24), END)


def bucket(ms: float) -> int:
    return math.ceil(math.log2(ms) * BUCKETS_A_DOUBLING) - 1


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=200))
def test_a_percentile_of_buckets_is_within_a_bucket_of_the_true_one(values: list[float]) -> None:
    counts: dict[int, int] = {}
    for value in values:
        counts[bucket(value)] = counts.get(bucket(value), 0) + 1
    median = percentiles_ms(counts.items())[0]
    true = sorted(values)[math.ceil(0.5 * len(values)) - 1]
    assert median == pytest.approx(true, rel=2 ** (1 / BUCKETS_A_DOUBLING) - 1 + 1e-9)


def test_no_requests_have_no_percentile() -> None:
    assert percentiles_ms([]) == (None, None, None)


def test_what_took_no_time_took_none() -> None:
    assert percentiles_ms([(bucket(0.01), 5)]) == (0.0, 0.0, 0.0)


def test_a_quantile_above_the_last_bound_is_that_bound() -> None:
    assert of_bounds({10.0: 0, math.inf: 5}, 0.9) == 10.0
    assert of_bounds({10.0: 0, math.inf: 0}, 0.9) is None
    assert of_bounds({10.0: 10, 20.0: 10, math.inf: 0}, 0.75) == 15.0


def test_negative_values_and_zeros_come_before_positive_ones() -> None:
    assert of_exponents({0: 1}, {0: 1}, 2, 0, 0.5) == 0
    low = of_exponents({0: 1}, {3: 3}, 0, 0, 0.1)
    assert low is not None
    assert -16 <= low <= -8
    assert of_exponents({}, {}, 0, 0, 0.5) is None


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_whole_minutes_lie_within_the_range_and_leave_less_than_two(
    start_s: int, length_s: int
) -> None:
    begin = END + timedelta(seconds=start_s)
    asked = TimeRange(begin, begin + timedelta(seconds=length_s))
    first, end = whole_minutes_ns(asked)
    if first < end:
        assert asked.start_ns <= first < asked.start_ns + MINUTE_NS
        assert asked.end_ns - MINUTE_NS < end <= asked.end_ns
        assert first % MINUTE_NS == end % MINUTE_NS == 0
    else:
        assert length_s < 120


def test_windows_join_to_the_range_from_its_end() -> None:
    found = list(windows(DAY, None))
    assert found[0].end == DAY.end
    assert found[-1].start == DAY.start
    assert [one.start for one in found[:-1]] == [one.end for one in found[1:]]
    assert found[0].duration == timedelta(minutes=15)


def test_windows_begin_where_the_last_page_ended() -> None:
    at = END - timedelta(hours=3)
    cursor = TraceCursor(DAY.start_ns, DAY.end_ns, int(at.timestamp()) * 10**9, "0" * 32)
    assert next(windows(DAY, cursor)).end == at + timedelta(microseconds=1)
