"""Quantiles of OpenTelemetry's histograms. Pure.

Counts are taken to be spread evenly within a bucket: linearly for explicit bounds, by their
logarithm for exponential ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def of_bounds(counts: Mapping[float, int], quantile: float) -> float | None:
    """`counts` by upper bound; that of the last bucket is infinite. None without any count.

    What lies above the last bound is answered as that bound: more is not known.
    """
    total = sum(counts.values())
    if total <= 0:
        return None
    rank, below, lower = quantile * total, 0, 0.0
    for upper, count in sorted(counts.items()):
        if count and below + count >= rank:
            if math.isinf(upper):
                return lower
            lower = min(lower, upper)
            return lower + (upper - lower) * (rank - below) / count
        below, lower = below + count, upper
    return lower


def of_exponents(
    positive: Mapping[int, int],
    negative: Mapping[int, int],
    zeros: int,
    scale: int,
    quantile: float,
) -> float | None:
    """Counts by index at one scale: bucket i holds what is above base^i, up to base^(i+1)."""
    total = sum(positive.values()) + sum(negative.values()) + zeros
    if total <= 0:
        return None
    growth = 2.0**-scale  # the logarithm of the base
    ordered = [(-1, index, count) for index, count in sorted(negative.items(), reverse=True)]
    ordered += [(0, 0, zeros)] if zeros else []
    ordered += [(1, index, count) for index, count in sorted(positive.items())]
    rank, below = quantile * total, 0
    for sign, index, count in ordered:
        if count and below + count >= rank:
            part = (rank - below) / count
            exponent = index + part if sign > 0 else index + 1 - part
            return sign * _power(exponent * growth)
        below += count
    return None


def _power(exponent: float) -> float:
    return 2.0**exponent if exponent < 1024 else math.inf
