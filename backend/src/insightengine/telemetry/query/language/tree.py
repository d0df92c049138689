"""What a search says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    IS = ""
    AT_LEAST = ">="
    AT_MOST = "<="
    ABOVE = ">"
    BELOW = "<"
    MATCHES = "~"


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the body, in their order; a star stands for anything."""

    text: str
    has_star: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    operator: Operator
    value: str
    has_star: bool = False


@dataclass(frozen=True, slots=True)
class Present:
    """`name:*`"""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    part: Expression


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple[Expression, ...]


Expression = Text | Field | Present | Not | All | Any
