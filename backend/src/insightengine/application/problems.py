"""All problems of a file at once, each with its place, as one InvalidInputError."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from insightengine.application.model import Location
from insightengine.core.errors import InvalidInputError

MOST_SHOWN = 50
_LONGEST_SHOWN = 60


Place = Callable[..., Location]  # of a service's name and the keys below it


@dataclass(frozen=True, slots=True)
class Problem:
    """`key` is the path of keys, such as `services.web.ports[0]`; empty for the whole file."""

    at: Location
    key: str
    message: str
    hint: str | None = None

    def line(self, file: str) -> str:
        where = f"{self.at.file or file}:{self.at.line}:{self.at.column}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class Problems:
    """Collects problems while a file is read to its end."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self._settled: set[Location] = set()

    def add(self, at: Location, key: str, message: str, hint: str | None = None) -> None:
        if at not in self._settled:
            self._found[Problem(at, key, message, hint)] = None

    def settle(self, at: Location) -> None:
        """What was found here is the cause; what follows from it is not worth telling."""
        self._settled.add(at)

    @property
    def are_many(self) -> bool:
        """More than will be shown: looking for what was meant is no longer worth its time."""
        return len(self._found) > 2 * MOST_SHOWN

    def raise_if_any(self, file: str) -> None:
        if self._found:
            raise error_of(file, self._found)


def error_of(file: str, problems: Iterable[Problem]) -> InvalidInputError:
    """One error that names every problem, sorted by its place; a single one reads as itself."""
    found = sorted(problems, key=_order)
    context = {
        "file": file,
        "problems": [
            {
                "file": one.at.file or file,
                "line": one.at.line,
                "column": one.at.column,
                "key": one.key,
                "message": one.message,
                "hint": one.hint,
            }
            for one in found
        ],
    }
    if len(found) == 1:
        only = found[0]
        return InvalidInputError(
            only.line(file), code="invalid_application", hint=only.hint, context=context
        )
    return InvalidInputError(
        _many(file, found),
        code="invalid_application",
        hint="nothing was started or changed; mend these and run the command again",
        context=context,
    )


def _order(one: Problem) -> tuple[str, int, int, str, str]:
    return one.at.file, one.at.line, one.at.column, one.key, one.message


def _many(file: str, found: list[Problem]) -> str:
    lines = [f"{file} has {len(found)} problems"]
    for one in found[:MOST_SHOWN]:
        lines += ["", f"  {one.line(file)}"]
        if one.hint:
            lines.append(f"    hint: {one.hint}")
    if len(found) > MOST_SHOWN:
        lines += ["", f"  and {len(found) - MOST_SHOWN} more"]
    return "\n".join(lines)


def shown(value: object) -> str:
    """A value for a message: quoted, on one line, cut when it is long."""
    text = str(value)
    return repr(text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…")


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that was probably meant."""
    close = difflib.get_close_matches(name[:64].lower(), sorted(known), n=1, cutoff=cutoff)
    return close[0] if close else None
