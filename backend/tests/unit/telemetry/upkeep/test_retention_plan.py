from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.core.errors import InvalidInputError
from insightengine.telemetry.port import Signal
from insightengine.telemetry.schema import names
from insightengine.telemetry.schema.derived import DERIVED
from insightengine.telemetry.schema.tables import INSERTED
from insightengine.telemetry.upkeep.retention import Change, changed
from insightengine.telemetry.upkeep.retention_plan import (
    SIGNAL_OF,
    Cold,
    DeleteServices,
    DropDay,
    Policy,
    Reason,
    StoredDay,
    plan,
    removals,
)

TODAY = date(2026, 3, 20)


def policy(days: int = 7, **services: int) -> Policy:
    of_logs = {(Signal.LOGS, name): kept for name, kept in services.items()}
    return Policy(dict.fromkeys(Signal, days), of_logs)


def stored(age: int, table: str = names.LOGS, size_bytes: int = 100) -> StoredDay:
    return StoredDay(table, TODAY - timedelta(days=age), 10, size_bytes)


def test_a_day_goes_when_all_of_it_is_older_than_the_days_it_is_kept() -> None:
    assert plan(policy(7), [stored(7)], TODAY, None) == ()
    (step,) = plan(policy(7), [stored(8)], TODAY, None)
    assert step == DropDay(names.LOGS, stored(8).day, Reason.AGE)


def test_a_service_that_is_kept_shorter_loses_its_rows_only() -> None:
    (step,) = plan(policy(7, noisy=2), [stored(3)], TODAY, None)
    assert step == DeleteServices(names.LOGS, stored(3).day, ("noisy",), is_all_others=False)


def test_a_service_that_is_kept_longer_keeps_the_day_and_the_others_go() -> None:
    (step,) = plan(policy(7, audit=90, noisy=2), [stored(8)], TODAY, None)
    assert step == DeleteServices(names.LOGS, stored(8).day, ("audit",), is_all_others=True)
    (gone,) = plan(policy(7, audit=90), [stored(91)], TODAY, None)
    assert isinstance(gone, DropDay)


def test_a_table_without_services_goes_with_the_longest() -> None:
    days = [stored(8, names.EDGE_REQUESTS), stored(91, names.EDGE_REQUESTS)]
    (step,) = plan(policy(7, audit=90), days, TODAY, None)
    assert step == DropDay(names.EDGE_REQUESTS, days[1].day, Reason.AGE)


def test_a_retention_of_one_signal_leaves_the_others() -> None:
    days = [stored(5), stored(5, names.SPANS)]
    only_logs = Policy({**dict.fromkeys(Signal, 7), Signal.LOGS: 2}, {})
    assert [step.table for step in plan(only_logs, days, TODAY, None)] == [names.LOGS]


def test_what_is_too_large_loses_its_oldest_days_and_never_the_present_one() -> None:
    days = [stored(age, size_bytes=100) for age in (0, 1, 2, 3)]
    assert plan(policy(), days, TODAY, 400) == ()
    steps = plan(policy(), days, TODAY, 250)
    assert [step.day for step in steps] == [days[3].day, days[2].day]
    assert {step.reason for step in steps if isinstance(step, DropDay)} == {Reason.SIZE}
    assert len(plan(policy(), days, TODAY, 1)) == 3


def test_every_table_of_records_has_a_retention() -> None:
    assert {table.name for table in (*INSERTED, *DERIVED)} == set(SIGNAL_OF)


def test_each_day_is_told_with_the_day_on_which_it_goes() -> None:
    (first, second) = removals(policy(7, noisy=2), [stored(1)])
    assert (first.service, first.removed_on) == ("noisy", TODAY + timedelta(days=2))
    assert (second.service, second.removed_on) == (None, TODAY + timedelta(days=7))


def test_a_day_goes_cold_unless_it_is_removed_before() -> None:
    cold = Cold("hot_and_cold", {Signal.LOGS: 3})
    (first, second) = removals(policy(7, noisy=2), [stored(1)], cold)
    assert (first.service, first.cold_on) == ("noisy", None)
    assert (second.service, second.cold_on) == (None, TODAY + timedelta(days=2))
    (spans,) = removals(policy(7), [stored(1, names.SPANS)], cold)
    assert spans.cold_on is None


@pytest.mark.parametrize(("after", "is_ever_cold"), [(7, True), (8, False)])
def test_what_would_go_cold_on_the_day_of_its_removal_never_does(
    after: int, is_ever_cold: bool
) -> None:
    (only,) = removals(policy(7), [stored(1)], Cold("any", {Signal.LOGS: after}))
    assert (only.cold_on is not None) == is_ever_cold


@given(st.lists(st.integers(0, 60), unique=True), st.integers(1, 60), st.integers(1, 60))
def test_what_is_kept_is_never_older_than_the_longest_and_nothing_young_goes(
    ages: list[int], days: int, own: int
) -> None:
    dropped = {
        step.day
        for step in plan(policy(days, own=own), list(map(stored, ages)), TODAY, None)
        if isinstance(step, DropDay)
    }
    longest = max(days, own)
    assert dropped == {TODAY - timedelta(days=age) for age in ages if age > longest}


@pytest.mark.parametrize(
    "change",
    [Change(Signal.LOGS, None, 0), Change(Signal.LOGS, None, None), Change(Signal.LOGS, "a", -1)],
)
def test_days_that_make_no_sense_are_refused(change: Change) -> None:
    with pytest.raises(InvalidInputError):
        changed(policy(), [change])


def test_a_change_is_taken_back_by_no_days() -> None:
    wider = changed(policy(), [Change(Signal.LOGS, "audit", 90)])
    assert wider.longest(Signal.LOGS) == 90
    assert changed(wider, [Change(Signal.LOGS, "audit", None)]) == policy()
