"""What of the received WAL may go, so that neither this disk nor the server's fills up. Pure.

The receiver never waits: a synchronous server would hold every commit for it. So where more is
spooled than allowed, the oldest goes: first what another repository has, from which those that
lack it catch up; then what none has, which is a gap that only a newer backup closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from insightengine.core.lsn import Segment


@dataclass(frozen=True, slots=True)
class Spooled:
    """A whole segment; `stored_in` of so many repositories have it."""

    segment: Segment
    folder: str
    size_bytes: int
    stored_in: int


@dataclass(frozen=True, slots=True)
class Tidying:
    """`gaps` are those of `remove` that no repository has."""

    remove: tuple[Spooled, ...]
    gaps: tuple[Spooled, ...] = ()
    is_over_limit: bool = False


def tidying(spooled: Sequence[Spooled], repositories: int, limit_bytes: int) -> Tidying:
    """What every repository has goes; the newest segment of each folder stays for the receiver."""
    newest = {one.folder: one.segment for one in sorted(spooled, key=lambda one: one.segment)}
    movable = [one for one in spooled if newest[one.folder] != one.segment]
    remove = [one for one in movable if one.stored_in >= repositories]
    left = sum(one.size_bytes for one in spooled) - sum(one.size_bytes for one in remove)
    is_over = left > limit_bytes
    gaps: list[Spooled] = []
    waiting = [one for one in movable if one.stored_in < repositories]
    for one in sorted(waiting, key=lambda one: (one.stored_in == 0, one.segment)):
        if left <= limit_bytes:
            break
        remove.append(one)
        left -= one.size_bytes
        if one.stored_in == 0:
            gaps.append(one)
    return Tidying(tuple(remove), tuple(gaps), is_over)
