from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.time import TimeRange, from_ns, to_ns


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001
def test_a_moment_survives_the_way_to_nanoseconds_and_back(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert from_ns(to_ns(moment)) == moment


def test_the_time_zone_does_not_change_the_moment() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert to_ns(moment) == to_ns(moment.astimezone(timezone(timedelta(hours=9))))


def test_a_range_without_time_zones_is_refused() -> None:
    with pytest.raises(ValueError, match="time zones"):
        TimeRange(datetime(2026, 1, 1), datetime(2026, 1, 2))  # noqa: DTZ001


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="ends after"):
        TimeRange(moment, moment)
