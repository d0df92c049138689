"""The table of the gates' quality is what the code gives, and says what it has to."""

import random

import pytest

from benchmarks.gates import (
    FLAGGER_INTERVAL_S,
    PAGE,
    REGRESSIONS,
    Decision,
    Regression,
    cell,
    poisson,
    recording,
    row,
    with_bounds,
    with_thresholds,
)

NONE = REGRESSIONS[0]


@pytest.mark.parametrize(("rate", "name"), [(20, "+10 % errors"), (50, "50 % slower")])
def test_the_committed_table_is_what_the_replay_gives(rate: int, name: str) -> None:
    regression = next(one for one in REGRESSIONS if one.name == name)
    committed = PAGE.read_text(encoding="utf-8").splitlines()
    assert row(recording(), rate, regression) in committed, "renew it with bin/bench gates"


def test_a_regression_is_noticed_that_stays_under_every_threshold() -> None:
    slower = Regression("slower", slower=2)
    answers = [(float(number), 200) for number in range(1, 101)]
    ours = cell(answers, 50, slower, with_bounds, 5)
    theirs = cell(answers, 50, slower, with_thresholds, 5)
    assert ours.share(Decision.TAKEN_BACK) == 1
    assert theirs.share(Decision.KEPT) == 1


def test_thresholds_take_back_at_the_first_minute_that_crosses_them() -> None:
    failing = cell([(5.0, 500)], 5, NONE, with_thresholds, 1)
    assert failing.trials[0].decision is Decision.TAKEN_BACK
    assert failing.median_s == FLAGGER_INTERVAL_S


def test_the_number_of_visitors_in_a_second_is_poissons() -> None:
    chance = random.Random(3)
    drawn = [poisson(4, chance) for _ in range(4000)]
    mean = sum(drawn) / len(drawn)
    assert mean == pytest.approx(4, rel=0.05)
    assert sum((one - mean) ** 2 for one in drawn) / len(drawn) == pytest.approx(4, rel=0.1)
