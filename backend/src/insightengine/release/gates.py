"""Is the new release worse than the previous one? From counted requests to a verdict. Pure.

Errors: Newcombe's interval for the difference of two proportions, from Wilson's score intervals
(R. G. Newcombe, Statistics in Medicine 17, 1998, method 10). Latency: no quantile is estimated and
then compared as if it were exact. The previous p95 has a confidence interval of order statistics;
the new release is slower when credibly more than 5 % of its requests are above its upper end times
the allowed ratio, and not slower when credibly fewer than 5 % are above the lower one.

A gate is asked again and again while requests come in. Failing therefore takes much stronger
evidence (`FAIL_Z`) than passing, which is asked for once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from insightengine.application.policy import GateLimits, MetricGate

FAIL_Z = 3.3  # one-sided, about 1 in 2,000 for each independent look
PASS_Z = 1.645  # one-sided 95 %
BUCKETS_PER_E = 50  # of the latency histogram: each bucket is 2 % wide
_P95 = 0.95


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 -- no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What one release answered. `errors` are answers of 5xx, and those another colour had to give.

    `latency` counts requests by `bucket_of` their duration.
    """

    requests: int = 0
    errors: int = 0
    latency: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """One release over a time. None is not known. `metrics` are means, by name."""

    traffic: Traffic = Traffic()
    restarts: int = 0
    memory_bytes: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateResult:
    """`low` and `high` are the bounds of what was estimated, in the unit of `limit`."""

    gate: str
    outcome: Outcome
    sentence: str
    limit: float
    new: float | None = None
    previous: float | None = None
    low: float | None = None
    high: float | None = None
    requests_new: int = 0
    requests_previous: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`basis` says whose requests were counted."""

    outcome: Outcome
    results: tuple[GateResult, ...]
    basis: str = "visitors"

    @property
    def sentence(self) -> str:
        """Why, in one sentence: the failed gates, else the undecided ones."""
        deciding = [one for one in self.results if one.outcome is self.outcome]
        return "; ".join(one.sentence for one in deciding) or "nothing was measured"


def bucket_of(duration_ms: float) -> int:
    """Index of the latency bucket; the inverse is `duration_of`."""
    return math.floor(math.log(max(duration_ms, 0.01)) * BUCKETS_PER_E)


def duration_of(bucket: int) -> float:
    """The lower end of a bucket, in milliseconds."""
    return math.exp(bucket / BUCKETS_PER_E)


def judge(
    new: Measured, previous: Measured | None, limits: GateLimits, basis: str = "visitors"
) -> Verdict:
    """The verdict on what was measured so far.

    Without a previous release only the absolute limits count. Nothing passes by absence: too few
    requests, or a metric that was asked for and has no value, are inconclusive.
    """
    results = [_absolute_errors(new.traffic, limits), *_absolute_latency(new.traffic, limits)]
    if previous is not None:
        results += [
            _error_difference(new.traffic, previous.traffic, limits),
            _latency_ratio(new.traffic, previous.traffic, limits),
            *_memory(new, previous, limits),
        ]
    results += [_restarts(new, limits), *(_metric(gate, new) for gate in limits.metrics)]
    return Verdict(overall([one.outcome for one in results]), tuple(results), basis)


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """One failed gate fails; all must pass to pass; nothing at all is inconclusive."""
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    if not outcomes or Outcome.INCONCLUSIVE in outcomes:
        return Outcome.INCONCLUSIVE
    return Outcome.PASS


def wilson(successes: int, trials: int, z: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion; everything is possible without a trial."""
    if trials == 0:
        return 0.0, 1.0
    share, square = successes / trials, z * z
    centre = share + square / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    scale = 1 + square / trials
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def difference(new: Traffic, previous: Traffic, z: float) -> tuple[float, float]:
    """Newcombe's interval of (error ratio of the new) minus (that of the previous)."""
    if not new.requests or not previous.requests:
        return -1.0, 1.0
    one, other = new.errors / new.requests, previous.errors / previous.requests
    one_low, one_high = wilson(new.errors, new.requests, z)
    other_low, other_high = wilson(previous.errors, previous.requests, z)
    low = one - other - math.hypot(one - one_low, other_high - other)
    high = one - other + math.hypot(one_high - one, other - other_low)
    return low, high


def quantile_bounds(traffic: Traffic, share: float, z: float) -> tuple[float, float] | None:
    """Confidence interval of a quantile in milliseconds, by order statistics; None for no data."""
    total = sum(traffic.latency.values())
    if not total:
        return None
    half = z * math.sqrt(total * share * (1 - share))
    low = duration_of(_rank(traffic, total * share - half))
    high = duration_of(_rank(traffic, total * share + half) + 1)
    return low, high


def quantile(traffic: Traffic, share: float) -> float | None:
    """A quantile in milliseconds, within the 2 % of a bucket; None for no data."""
    total = sum(traffic.latency.values())
    return duration_of(_rank(traffic, total * share)) if total else None


def _rank(traffic: Traffic, rank: float) -> int:
    """The bucket in which the request of that rank is."""
    seen = 0
    buckets = sorted(traffic.latency)
    for bucket in buckets:
        seen += traffic.latency[bucket]
        if seen >= rank:
            return bucket
    return buckets[-1]


def slower_than(traffic: Traffic, duration_ms: float) -> int:
    """How many requests are in buckets wholly above that duration."""
    threshold = bucket_of(duration_ms)
    return sum(count for bucket, count in traffic.latency.items() if bucket > threshold)


def _decided(low: float, high: float, limit: float) -> Outcome:
    """`low` has the confidence of failing, `high` that of passing."""
    if low > limit:
        return Outcome.FAIL
    return Outcome.PASS if high <= limit else Outcome.INCONCLUSIVE


def _enough(outcome: Outcome, requests: int, limits: GateLimits) -> Outcome:
    return outcome if requests >= limits.least_requests else Outcome.INCONCLUSIVE


def _absolute_errors(new: Traffic, limits: GateLimits) -> GateResult:
    low = wilson(new.errors, new.requests, FAIL_Z)[0]
    high = wilson(new.errors, new.requests, PASS_Z)[1]
    outcome = _enough(_decided(low, high, limits.most_errors), new.requests, limits)
    share = new.errors / new.requests if new.requests else None
    sentence = (
        f"{_share(share)} of {new.requests} requests failed; allowed are "
        f"{_share(limits.most_errors)}"
    )
    return GateResult(
        "most_errors",
        outcome,
        sentence,
        limits.most_errors,
        new=share,
        low=low,
        high=high,
        requests_new=new.requests,
    )


def _absolute_latency(new: Traffic, limits: GateLimits) -> list[GateResult]:
    if limits.slowest_p95_s is None:
        return []
    limit_ms = 1000 * limits.slowest_p95_s
    total, slow = sum(new.latency.values()), slower_than(new, limit_ms)
    low, high = wilson(slow, total, FAIL_Z)[0], wilson(slow, total, PASS_Z)[1]
    outcome = _enough(_decided(low, high, 1 - _P95), total, limits)
    p95 = quantile(new, _P95)
    sentence = f"p95 is {_ms(p95)} over {total} requests; allowed are {_ms(limit_ms)}"
    low_ms, high_ms = quantile_bounds(new, _P95, PASS_Z) or (None, None)
    return [
        GateResult(
            "slowest_p95",
            outcome,
            sentence,
            limit_ms,
            new=p95,
            low=low_ms,
            high=high_ms,
            requests_new=total,
        )
    ]


def _error_difference(new: Traffic, previous: Traffic, limits: GateLimits) -> GateResult:
    low = difference(new, previous, FAIL_Z)[0]
    high = difference(new, previous, PASS_Z)[1]
    outcome = _decided(low, high, limits.error_increase)
    fewest = min(new.requests, previous.requests)
    share = new.errors / new.requests if new.requests else None
    before = previous.errors / previous.requests if previous.requests else None
    sentence = (
        f"{_share(share)} of {new.requests} requests failed, of the previous release "
        f"{_share(before)} of {previous.requests}; the growth is between {_share(low)} and "
        f"{_share(high)}, allowed is {_share(limits.error_increase)}"
    )
    return GateResult(
        "error_increase",
        _enough(outcome, fewest, limits),
        sentence,
        limits.error_increase,
        share,
        before,
        low,
        high,
        new.requests,
        previous.requests,
    )


def _latency_ratio(new: Traffic, previous: Traffic, limits: GateLimits) -> GateResult:
    total, total_before = sum(new.latency.values()), sum(previous.latency.values())
    p95, before = quantile(new, _P95), quantile(previous, _P95)
    loose = quantile_bounds(previous, _P95, FAIL_Z)
    tight = quantile_bounds(previous, _P95, PASS_Z)
    outcome = Outcome.INCONCLUSIVE
    if loose and tight:
        above = slower_than(new, _threshold(loose[1], limits))
        above_low = slower_than(new, _threshold(tight[0], limits))
        low, high = wilson(above, total, FAIL_Z)[0], wilson(above_low, total, PASS_Z)[1]
        outcome = _decided(low, high, 1 - _P95)
    ratio = p95 / before if p95 and before else None
    bounds = quantile_bounds(new, _P95, PASS_Z)
    shown = f"{ratio:.2f} times" if ratio else "unknown against"
    sentence = (
        f"p95 is {_ms(p95)} over {total} requests, {shown} the previous release's {_ms(before)} "
        f"over {total_before}; allowed is {limits.p95_ratio:g} times"
    )
    return GateResult(
        "p95_ratio",
        _enough(outcome, min(total, total_before), limits),
        sentence,
        limits.p95_ratio,
        ratio,
        1.0 if before else None,
        bounds[0] / before if bounds and before else None,
        bounds[1] / before if bounds and before else None,
        total,
        total_before,
    )


def _threshold(p95_ms: float, limits: GateLimits) -> float:
    return max(p95_ms * limits.p95_ratio, p95_ms + 1000 * limits.p95_floor_s)


def _memory(new: Measured, previous: Measured, limits: GateLimits) -> list[GateResult]:
    """Left out where a runtime does not tell memory: nobody asked for it by name."""
    if not new.memory_bytes or not previous.memory_bytes:
        return []
    ratio = new.memory_bytes / previous.memory_bytes
    outcome = Outcome.FAIL if ratio > limits.memory_ratio else Outcome.PASS
    sentence = (
        f"its processes hold {new.memory_bytes / 1e6:.0f} MB, {ratio:.1f} times the "
        f"{previous.memory_bytes / 1e6:.0f} MB of the previous release; allowed is "
        f"{limits.memory_ratio:g} times"
    )
    return [GateResult("memory_ratio", outcome, sentence, limits.memory_ratio, ratio, 1.0)]


def _restarts(new: Measured, limits: GateLimits) -> GateResult:
    outcome = Outcome.FAIL if new.restarts > limits.most_restarts else Outcome.PASS
    sentence = f"its processes ended {new.restarts} times; allowed is {limits.most_restarts}"
    return GateResult("most_restarts", outcome, sentence, limits.most_restarts, new.restarts)


def _metric(gate: MetricGate, new: Measured) -> GateResult:
    value = new.metrics.get(gate.name)
    if value is None:
        outcome, shown = Outcome.INCONCLUSIVE, "has no value"
    else:
        outcome = Outcome.FAIL if value > gate.at_most else Outcome.PASS
        shown = f"is {value:g}"
    sentence = f"the metric {gate.name} {shown}; allowed is at most {gate.at_most:g}"
    return GateResult(f"metric:{gate.name}", outcome, sentence, gate.at_most, value)


def _share(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.2f} %"


def _ms(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"
