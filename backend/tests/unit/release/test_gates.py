"""Verdicts: what fails, what passes, and that neither happens for want of data."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insightengine.application.policy import GateLimits, MetricGate
from insightengine.release.gates import (
    PASS_Z,
    Measured,
    Outcome,
    Traffic,
    bucket_of,
    difference,
    duration_of,
    judge,
    overall,
    quantile,
    quantile_bounds,
    slower_than,
    wilson,
)

LIMITS = GateLimits()


def traffic(requests: int, errors: int = 0, scale: float = 1.0, seed: int = 1) -> Traffic:
    """Log-normal latencies around 30 ms times `scale`, as those of a web page are."""
    source = random.Random(seed)
    durations = (scale * source.lognormvariate(math.log(30), 0.8) for _ in range(requests))
    return Traffic(requests, errors, Counter(bucket_of(one) for one in durations))


def outcome(new: Traffic, previous: Traffic | None, limits: GateLimits = LIMITS) -> Outcome:
    before = Measured(previous) if previous else None
    return judge(Measured(new), before, limits).outcome


BEFORE = traffic(20_000, 20)
TABLE = [
    ("the same as before", traffic(2000, 2, seed=2), Outcome.PASS),
    ("two percent more errors", traffic(2000, 42, seed=2), Outcome.FAIL),
    ("p95 half as much again", traffic(2000, 2, 1.5, seed=2), Outcome.FAIL),
    ("a tenth slower, which is allowed", traffic(4000, 4, 1.1, seed=2), Outcome.PASS),
    ("faster and without errors", traffic(2000, 0, 0.5, seed=2), Outcome.PASS),
    ("everything fails", traffic(100, 100, seed=2), Outcome.FAIL),
    ("nothing was asked", Traffic(), Outcome.INCONCLUSIVE),
    ("too few to say", traffic(40, 0, seed=2), Outcome.INCONCLUSIVE),
    ("one error in few requests", traffic(60, 1, seed=2), Outcome.INCONCLUSIVE),
]


@pytest.mark.parametrize(("name", "new", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_a_release_is_judged_against_the_previous_one(
    name: str, new: Traffic, expected: Outcome
) -> None:
    assert outcome(new, BEFORE) is expected


def test_a_previous_release_without_requests_decides_nothing() -> None:
    assert outcome(traffic(5000), Traffic()) is Outcome.INCONCLUSIVE


def test_the_first_release_is_held_to_absolute_limits_only() -> None:
    assert outcome(traffic(500, 2), None) is Outcome.PASS
    assert outcome(traffic(500, 200), None) is Outcome.FAIL
    assert outcome(Traffic(), None) is Outcome.INCONCLUSIVE


def test_errors_that_the_previous_release_had_as_well_do_not_fail_the_new_one() -> None:
    assert outcome(traffic(5000, 250, seed=2), traffic(5000, 250)) is not Outcome.FAIL


def test_growth_below_the_floor_is_never_a_reason() -> None:
    fast, twice = traffic(5000, scale=0.03), traffic(5000, scale=0.06, seed=2)
    assert outcome(twice, fast) is Outcome.PASS
    assert outcome(twice, fast, GateLimits(p95_floor_s=0)) is Outcome.FAIL


def test_an_absolute_p95_is_kept() -> None:
    limits = GateLimits(slowest_p95_s=0.08)
    assert outcome(traffic(2000), None, limits) is Outcome.FAIL
    assert outcome(traffic(2000, scale=0.3), None, limits) is Outcome.PASS


def test_a_restart_fails_whatever_the_requests_say() -> None:
    new = Measured(traffic(2000, seed=2), restarts=1)
    assert judge(new, Measured(BEFORE), LIMITS).outcome is Outcome.FAIL
    assert judge(new, Measured(BEFORE), GateLimits(most_restarts=1)).outcome is Outcome.PASS


def test_memory_is_compared_where_it_is_known() -> None:
    new, before = traffic(2000, seed=2), Measured(BEFORE, memory_bytes=100e6)
    assert judge(Measured(new, memory_bytes=300e6), before, LIMITS).outcome is Outcome.FAIL
    assert judge(Measured(new, memory_bytes=150e6), before, LIMITS).outcome is Outcome.PASS
    assert judge(Measured(new), before, LIMITS).outcome is Outcome.PASS


def test_a_metric_without_a_value_never_passes() -> None:
    limits = GateLimits(metrics=(MetricGate("queue.length", 10),))
    new = traffic(2000, seed=2)

    def of(value: float | None) -> Outcome:
        return judge(Measured(new, metrics={"queue.length": value}), None, limits).outcome

    assert (of(5), of(11), of(None)) == (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)
    assert judge(Measured(new), None, limits).outcome is Outcome.INCONCLUSIVE


def test_the_sentence_of_a_verdict_names_what_decided_and_the_numbers() -> None:
    verdict = judge(Measured(traffic(2000, 42, seed=2)), Measured(BEFORE), LIMITS)
    assert verdict.sentence.startswith("2.10 % of 2000 requests failed, of the previous release")
    assert "allowed is 1.00 %" in verdict.sentence
    assert "restart" not in verdict.sentence


def test_one_failed_gate_fails_and_an_undecided_one_keeps_from_passing() -> None:
    assert overall([Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL]) is Outcome.FAIL
    assert overall([Outcome.PASS, Outcome.INCONCLUSIVE]) is Outcome.INCONCLUSIVE
    assert overall([]) is Outcome.INCONCLUSIVE


def test_intervals_are_those_of_the_literature() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80, 95 %."""
    low, high = difference(Traffic(70, 56), Traffic(80, 48), 1.959964)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)
    low, high = wilson(81, 263, 1.959964)  # the same author's paper on one proportion
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_an_interval_holds_what_was_counted(successes: int, failures: int) -> None:
    trials = successes + failures
    low, high = wilson(successes, trials, PASS_Z)
    assert 0 <= low <= high <= 1
    if trials:
        assert low - 1e-12 <= successes / trials <= high + 1e-12


@given(st.floats(0.01, 1e6))
def test_a_bucket_is_two_percent_wide(duration_ms: float) -> None:
    lower = duration_of(bucket_of(duration_ms))
    assert lower <= duration_ms * (1 + 1e-9)
    assert duration_ms <= lower * 1.0203


def test_the_quantile_lies_within_its_bounds() -> None:
    low, high = quantile_bounds(BEFORE, 0.95, PASS_Z) or (0, 0)
    p95 = quantile(BEFORE, 0.95) or 0
    assert low <= p95 <= high
    assert abs(p95 - 30 * math.exp(1.645 * 0.8)) < 5
    assert 0.04 < slower_than(BEFORE, p95) / BEFORE.requests < 0.06
    assert quantile(Traffic(), 0.5) is None


@given(
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 3000),
)
def test_more_errors_never_turn_a_failure_into_a_pass(
    good: int, bad: int, more: int, before: int
) -> None:
    def judged(errors: int) -> Outcome:
        return judge(
            Measured(Traffic(good + errors, errors, {200: good + errors})),
            Measured(Traffic(before, 0, {200: before})),
            LIMITS,
        ).outcome

    if judged(bad) is Outcome.FAIL:
        assert judged(bad + more) is not Outcome.PASS
