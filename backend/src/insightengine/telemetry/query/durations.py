"""Percentiles of durations that are counted in buckets, as the store's rollups keep them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from insightengine.telemetry.query.statement import whole
from insightengine.telemetry.schema.views import BUCKETS_A_DOUBLING, LEAST_MS

PERCENTILES: Final = (0.5, 0.95, 0.99)


def percentiles_ms(buckets: Iterable[tuple[object, object]]) -> tuple[float | None, ...]:
    """Of buckets and their counts, as the store answers them: one value for each of PERCENTILES.

    None without any count. Within a bucket, which is 4.4 % wide, counts are taken to be spread
    evenly by their logarithm.
    """
    ordered = sorted((whole(bucket), whole(count)) for bucket, count in buckets)
    total = sum(count for _, count in ordered)
    if not total:
        return (None,) * len(PERCENTILES)
    return tuple(_at(ordered, share * total) for share in PERCENTILES)


def _at(ordered: list[tuple[int, int]], rank: float) -> float:
    below = 0
    index, part = ordered[-1][0], 1.0
    for bucket, count in ordered:
        if below + count >= rank:
            index, part = bucket, (rank - below) / count
            break
        below += count
    value = 2 ** ((index + part) / BUCKETS_A_DOUBLING)
    return value if value > LEAST_MS * 1.1 else 0.0
