"""How good the gates are: recorded traffic with injected regressions, beside fixed thresholds.

Nothing is measured here and no clock is read: the same recording and seeds give the same table.
`bin/bench gates` writes docs/reference/gate-quality.md; a test compares rows of it with the code.
"""

from __future__ import annotations

import json
import random
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from benchmarks.harness import options, progress, report
from insightengine.application.policy import GateLimits, ReleasePolicy
from insightengine.release.gates import Measured, Outcome, Traffic, bucket_of, judge

RECORDING = Path(__file__).parent / "recordings/shop.json"
PAGE = Path(__file__).parents[1] / "docs/reference/gate-quality.md"
RATES = (1, 5, 20, 50, 200)
TRIALS, HARMLESS_TRIALS = 40, 100
LOOK_S = 1
BASELINE_S = 3600
FLAGGER_INTERVAL_S = 60
FLAGGER_SUCCESS = 0.99
FLAGGER_DURATION_MS = 500.0
CAVEAT = (
    "No engine and no server: the gates' decisions alone, over requests drawn from a recording of\n"
    "the shop. Visitors only; the engine also probes both versions when visitors are too few."
)

Answer = tuple[float, int]
"""Milliseconds and status of one request."""


class Decision(StrEnum):
    TAKEN_BACK = "taken back"
    KEPT = "kept"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Regression:
    """What the new version does to the answers of the recording; `is_harmless` is none at all."""

    name: str
    more_errors: float = 0.0
    slower: float = 1.0

    @property
    def is_harmless(self) -> bool:
        return self.more_errors == 0 and self.slower == 1

    def of(self, answer: Answer, chance: random.Random) -> Answer:
        took_ms, status = answer
        is_worse = self.more_errors > 0 and chance.random() < self.more_errors
        return took_ms * self.slower, 500 if is_worse else status


REGRESSIONS = (
    Regression("none"),
    Regression("+2 % errors", more_errors=0.02),
    Regression("+10 % errors", more_errors=0.10),
    Regression("50 % slower", slower=1.5),
    Regression("3 times slower", slower=3.0),
)


@dataclass(slots=True)
class Counted:
    """Answers as they come in, in the form that the gates take."""

    requests: int = 0
    errors: int = 0
    latency: Counter[int] = field(default_factory=Counter)

    def add(self, answers: Sequence[Answer]) -> None:
        self.requests += len(answers)
        self.errors += sum(status >= 500 for _, status in answers)
        self.latency.update(bucket_of(took_ms) for took_ms, _ in answers)

    @property
    def traffic(self) -> Traffic:
        return Traffic(self.requests, self.errors, self.latency)


@dataclass(frozen=True, slots=True)
class Trial:
    decision: Decision
    after_s: float


Judge = Callable[[Iterator[Sequence[Answer]], Traffic], Trial]
"""From the answers of the new version, a second at a time, and those of the previous one."""


def with_bounds(seconds: Iterator[Sequence[Answer]], previous: Traffic) -> Trial:
    """The gates as the engine asks them: every look may fail, the first after `watch` may pass."""
    policy, limits = ReleasePolicy(), GateLimits()
    seen = Counted()
    before = Measured(previous)
    for second, answers in enumerate(seconds, start=1):
        seen.add(answers)
        outcome = judge(Measured(seen.traffic), before, limits).outcome
        if outcome is Outcome.FAIL:
            return Trial(Decision.TAKEN_BACK, second)
        if outcome is Outcome.PASS and second >= policy.watch_s:
            return Trial(Decision.KEPT, second)
        if second >= policy.watch_limit_s:
            break
    return Trial(Decision.UNDECIDED, policy.watch_limit_s)


def with_thresholds(seconds: Iterator[Sequence[Answer]], _: Traffic) -> Trial:
    """Flagger's default checks: each minute at least 99 % without 5xx and a p99 of 500 ms at most.

    One failed check takes back, as does a minute without a request; five good ones promote.
    """
    limit_s = int(ReleasePolicy().watch_limit_s)
    window: list[Answer] = []
    for second, answers in enumerate(seconds, start=1):
        window += answers
        if second % FLAGGER_INTERVAL_S == 0:
            if not _is_within(window):
                return Trial(Decision.TAKEN_BACK, second)
            window.clear()
        if second >= limit_s:
            break
    return Trial(Decision.KEPT, limit_s)


def _is_within(window: Sequence[Answer]) -> bool:
    if len(window) < 2:
        return False
    success = sum(status < 500 for _, status in window) / len(window)
    p99 = statistics.quantiles([took for took, _ in window], n=100, method="inclusive")[98]
    return success >= FLAGGER_SUCCESS and p99 <= FLAGGER_DURATION_MS


def recording() -> list[Answer]:
    return [(float(took), int(status)) for took, status in json.loads(RECORDING.read_text())]


def seconds_of(
    answers: Sequence[Answer], rate: int, regression: Regression, chance: random.Random
) -> Iterator[list[Answer]]:
    """Visitors come independently of each other: the number in a second is Poisson's."""
    while True:
        drawn = chance.choices(answers, k=poisson(rate * LOOK_S, chance))
        yield [regression.of(answer, chance) for answer in drawn]


def poisson(mean: float, chance: random.Random) -> int:
    """By counting exponential gaps; exact, and linear in the mean."""
    count, at = 0, chance.expovariate(mean)
    while at < 1:
        count, at = count + 1, at + chance.expovariate(mean)
    return count


def previous_of(answers: Sequence[Answer], rate: int, chance: random.Random) -> Traffic:
    """An hour of the previous version at that rate, at most as much as a day's low traffic."""
    counted = Counted()
    counted.add(chance.choices(answers, k=min(rate * BASELINE_S, 20_000)))
    return counted.traffic


@dataclass(frozen=True, slots=True)
class Cell:
    """All trials of one judge at one rate with one regression."""

    trials: tuple[Trial, ...]

    def share(self, decision: Decision) -> float:
        return sum(one.decision is decision for one in self.trials) / len(self.trials)

    @property
    def median_s(self) -> float | None:
        """Of those that decided."""
        decided = [one.after_s for one in self.trials if one.decision is not Decision.UNDECIDED]
        return statistics.median(decided) if decided else None


def cell(
    answers: Sequence[Answer], rate: int, regression: Regression, judge_: Judge, trials: int
) -> Cell:
    done = []
    for number in range(trials):
        chance = random.Random(f"{rate}/{regression.name}/{number}")
        previous = previous_of(answers, rate, chance)
        done.append(judge_(seconds_of(answers, rate, regression, chance), previous))
    return Cell(tuple(done))


def row(answers: Sequence[Answer], rate: int, regression: Regression) -> str:
    shown = [str(rate), regression.name]
    trials = HARMLESS_TRIALS if regression.is_harmless else TRIALS
    for judge_ in (with_bounds, with_thresholds):
        found = cell(answers, rate, regression, judge_, trials)
        shares = [f"{100 * found.share(one):.0f} %" for one in Decision]
        median = f"{found.median_s:.0f} s" if found.median_s is not None else "never"
        shown += [*shares, median]
    return f"| {' | '.join(shown)} |"


def page(rows: Sequence[str], answers: Sequence[Answer]) -> str:
    errors = sum(status >= 500 for _, status in answers)
    p95 = statistics.quantiles([took for took, _ in answers], n=20)[18]
    return f"""<!-- generated by bin/bench gates -->

# How good the gates are

`benchmarks/recordings/shop.json` holds {len(answers)} requests of the example shop as the edge saw
them (`python -m benchmarks.record_shop`): {errors} of them failed, p95 is {p95:.0f} ms. Requests
are drawn from it at a rate, a regression is put into those of the new version, and two judges
decide, {TRIALS} times each ({HARMLESS_TRIALS} without a regression): the gates of this engine with
their defaults, and the default checks of Flagger (each minute at least 99 % without 5xx and a p99
of at most 500 ms; one failed check takes back, five good ones promote).

*Taken back* is the detection rate, and where there is no regression the rate of false rollbacks.
*Undecided* after five minutes means that nothing passes: the engine goes on with probes to both
versions, then asks a person. Time is the median until a decision, which for the engine is at least
the 30 s of `watch` where a version is kept.

{_table(rows)}

Thresholds notice only what crosses them, whatever was normal before: they keep a version that is
three times slower while it stays under 500 ms, and take back a good one after a minute without
visitors, or when one of few requests failed. The gates compare, so they need requests: at one a
second five minutes do not suffice for small regressions, and they say so. Requests are drawn
independently of each other; real ones come in bursts, and real regressions are not spread evenly.
"""


def _table(rows: Sequence[str]) -> str:
    ours = "InsightEngine: taken back | kept | undecided | time"
    theirs = "thresholds: taken back | kept | undecided | time"
    return "\n".join([f"| requests/s | regression | {ours} | {theirs} |", f"|{'---|' * 10}", *rows])


def main() -> None:
    given = options("Detection, false rollbacks and time to decision of the gates, by replay.")
    answers = recording()
    rates = RATES[2:4] if given.quick else RATES
    rows = []
    for rate in rates:
        progress(f"{rate} requests/s")
        rows += [row(answers, rate, regression) for regression in REGRESSIONS]
    if not given.quick:
        PAGE.write_text(page(rows, answers), encoding="utf-8")
    figures: dict[str, float | int | str] = {"requests_recorded": len(answers)}
    for regression in REGRESSIONS:
        found = cell(answers, rates[-1], regression, with_bounds, 50)
        name = "false_rollbacks" if regression.is_harmless else f"detected {regression.name}"
        figures[name] = found.share(Decision.TAKEN_BACK)
    report(figures, CAVEAT, given)


if __name__ == "__main__":
    main()
