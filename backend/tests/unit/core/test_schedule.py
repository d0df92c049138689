"""Cron's five fields, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.schedule import parse_schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("30 2 * * sun", "2026-01-01T00:00", "2026-01-04T02:30"),
        ("30 2 * * 7", "2026-01-04T02:30", "2026-01-11T02:30"),
        ("0 * * * *", "2026-01-01T10:00", "2026-01-01T11:00"),
        ("*/15 9-17 * * mon-fri", "2026-01-02T17:45", "2026-01-05T09:00"),
        ("5/20 * * * *", "2026-01-01T00:26", "2026-01-01T00:45"),
        ("0 0 1,15 jan *", "2026-01-02T00:00", "2026-01-15T00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00"),
        ("0 0 13 * fri", "2026-01-01T00:00", "2026-01-02T00:00"),
        ("@daily", "2026-12-31T23:59", "2027-01-01T00:00"),
        ("@weekly", "2026-01-05T00:00", "2026-01-11T00:00"),
    ],
)
def test_the_next_time_is_that_of_cron(schedule: str, after: str, expected: str) -> None:
    assert parse_schedule(schedule).next_after(at(after)) == at(expected)


@given(st.integers(1_500_000_000, 2_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC)))
def test_the_next_time_is_later_and_matches(moment: datetime) -> None:
    schedule = parse_schedule("*/7 3,15 * * *")
    found = schedule.next_after(moment)
    assert moment < found <= moment + timedelta(days=1)
    assert found.minute % 7 == 0
    assert found.hour in (3, 15)


def test_a_run_that_was_missed_is_made_up_once() -> None:
    schedule = parse_schedule("0 2 * * *")
    assert schedule.is_due(None, at("2026-01-01T12:00"))
    assert schedule.is_due(at("2026-01-01T02:00"), at("2026-01-05T09:00"))
    assert not schedule.is_due(at("2026-01-05T09:00"), at("2026-01-05T09:01"))
    assert not schedule.is_due(at("2026-01-01T02:00"), at("2026-01-02T01:59"))


def test_a_last_run_far_ahead_is_of_a_clock_that_was_set_back() -> None:
    schedule = parse_schedule("0 2 * * *")
    assert schedule.is_due(at("2030-01-01T00:00"), at("2026-01-05T09:00"))
    assert not schedule.is_due(at("2026-01-05T09:30"), at("2026-01-05T09:00"))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "five"),
        ("* * * *", "five"),
        ("60 * * * *", "minute"),
        ("* 24 * * *", "hour"),
        ("* * 0 * *", "day of the month"),
        ("* * * 13 *", "month"),
        ("* * * * 8", "day of the week"),
        ("x * * * *", "minute"),
        ("5-1 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("0 0 30 2 *", "never"),
    ],
)
def test_a_schedule_that_is_wrong_names_the_field(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        parse_schedule(text)
