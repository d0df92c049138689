"""What the supervisor decides, from what it sees. Pure: no clock, no process, no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from insightengine.core.errors import InvalidInputError
from insightengine.runtimes.port import ProcessSpec

FIRST_PAUSE_S = 0.2
HEALTHY_AFTER_S = 60.0  # a process that ran this long starts with an empty history
LOOP_DEATHS = 5
LOOP_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was found alive, and the fingerprint of the spec it was started from."""

    pid: int
    fingerprint: str


class Begin(StrEnum):
    ADOPT = "adopt"
    REPLACE = "replace"  # it runs, but was started from another spec
    START = "start"


def begin(found: Running | None, fingerprint: str) -> Begin:
    """How to bring a wanted process up, given what runs under its name."""
    if found is None:
        return Begin.START
    return Begin.ADOPT if found.fingerprint == fingerprint else Begin.REPLACE


@dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait before the next start. In a crash loop it is the longest pause."""

    seconds: float
    crash_loop: bool


def pause_after_death(
    deaths: Sequence[float], ran_s: float, now: float, longest_s: float
) -> tuple[tuple[float, ...], Pause]:
    """The deaths to remember, and the pause before the next start.

    `deaths` are the earlier moments (seconds, any origin, the same clock as `now`), `ran_s` how
    long the process that just died had run. The pause doubles from 0.2 s with each death in a row.
    """
    row = () if ran_s >= HEALTHY_AFTER_S else tuple(deaths)
    row = (*row[-19:], now)
    recent = sum(1 for moment in row if now - moment <= LOOP_WINDOW_S)
    if recent >= LOOP_DEATHS:
        return row, Pause(longest_s, crash_loop=True)
    return row, Pause(min(FIRST_PAUSE_S * 2 ** (len(row) - 1), longest_s), crash_loop=False)


def orphans(found: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Names of processes that run and that nobody wants any more."""
    return tuple(sorted(set(found) - set(wanted)))


def stop_order(specs: Sequence[ProcessSpec]) -> tuple[tuple[str, ...], ...]:
    """Groups of names to stop one after the other: dependants before what they depend on.

    Raises InvalidInputError when the dependencies form a cycle or name an unknown process.
    """
    return tuple(reversed(start_order(specs)))


def start_order(specs: Sequence[ProcessSpec]) -> tuple[tuple[str, ...], ...]:
    """Groups of names that may start at the same time, in order."""
    left: dict[str, set[str]] = {spec.name: set(spec.depends_on) for spec in specs}
    _refuse_unknown(left)
    groups: list[tuple[str, ...]] = []
    done: set[str] = set()
    while left:
        ready = tuple(sorted(name for name, needs in left.items() if needs <= done))
        if not ready:
            raise InvalidInputError(
                f"these processes depend on each other in a circle: {', '.join(sorted(left))}"
            )
        groups.append(ready)
        done |= set(ready)
        for name in ready:
            del left[name]
    return tuple(groups)


def _refuse_unknown(needs: Mapping[str, set[str]]) -> None:
    for name, dependencies in needs.items():
        unknown = dependencies - set(needs)
        if unknown:
            raise InvalidInputError(f"{name} depends on {min(unknown)}, which is not to be run")
