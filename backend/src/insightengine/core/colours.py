"""The two colours of everything that is released: one serves while the other is replaced."""

from __future__ import annotations

from enum import StrEnum


class Colour(StrEnum):
    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> Colour:
        return Colour.GREEN if self is Colour.BLUE else Colour.BLUE
