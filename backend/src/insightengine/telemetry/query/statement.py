"""A query with its parameters, and what rows of any query have in common."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from insightengine.telemetry.query.filters import Where

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Statement:
    sql: str
    parameters: Mapping[str, object]


def statement(sql: str, where: Where, **parameters: object) -> Statement:
    return Statement(sql, {**where.parameters, **parameters})


def whole(value: object) -> int:
    if isinstance(value, int):
        return value
    raise TypeError(f"the store answered {value!r} where a whole number stands")


def known(value: object) -> float | None:
    """ClickHouse says NaN for the average or percentile of nothing."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    raise TypeError(f"the store answered {value!r} where a number stands")


def number(value: object) -> float:
    return known(value) or 0.0


def items(value: object) -> tuple[object, ...]:
    if isinstance(value, list | tuple):
        return tuple(value)
    raise TypeError(f"the store answered {value!r} where a list stands")


def texts(value: object) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {str(key): str(each) for key, each in value.items()}
    raise TypeError(f"the store answered {value!r} where a map stands")


def ratio(part: int, of: int) -> float | None:
    return part / of if of else None
