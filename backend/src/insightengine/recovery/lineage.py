"""Which timelines lead to which, and where a history that was brought back has to end. Pure.

Each restore and each failover begins a timeline of its own. What was written on an older one behind
the point where a newer one left it is no part of the newer one's history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from insightengine.core.errors import ConflictError
from insightengine.core.lsn import SEGMENT_BYTES, Lsn, Segment

# A receiver may have the beginning of a record whose end was never written: no transaction.
_LONGEST_TORN_RECORD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Lineage:
    """`forks` maps each ancestor of a timeline to where it was left."""

    timeline: int
    forks: Mapping[int, Lsn]

    @classmethod
    def parse(cls, timeline: int, history: bytes) -> Lineage:
        """A history file: lines of parent, position and reason. The first timeline has none."""
        forks: dict[int, Lsn] = {}
        for line in history.decode("utf-8", "replace").splitlines():
            words = line.split("#")[0].split()
            if len(words) >= 2 and words[0].isdigit():
                forks[int(words[0])] = Lsn.parse(words[1])
        return cls(timeline, forks)

    def leads_to(self, timeline: int, lsn: Lsn) -> bool:
        """Whether that position lies in the past of this timeline."""
        if timeline == self.timeline:
            return True
        fork = self.forks.get(timeline)
        return fork is not None and lsn <= fork

    @property
    def end_of_parent(self) -> tuple[int, Lsn] | None:
        """Where the timeline began: on which one, and where."""
        if not self.forks:
            return None
        parent = max(self.forks)
        return parent, self.forks[parent]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known to exist of the write-ahead log. `stored` are positions that repositories had
    confirmed, `newest` is the last segment of which somebody holds a byte, and `timeline` is that
    on which the server was last seen: what it wrote there may never have been received."""

    newest: Segment | None
    stored: Sequence[tuple[int, Lsn]] = ()
    timeline: int = 0


def refuse_gap(timeline: int, end: Lsn, known: Known) -> None:
    """Raises ConflictError where a recovery to the end of the log stopped before it."""
    beyond = _beyond(timeline, end, known)
    if beyond is not None:
        raise ConflictError(
            f"write-ahead log is missing: recovery ends at {end} on timeline {timeline}, but the "
            f"server came to {beyond}; what lies between would be lost, so nothing was replaced",
            code="wal_gap",
            hint="bring the missing objects back (insight backup repositories; another copy of the "
            "bucket); to lose what is behind the gap: insight restore --to reachable",
        )


def _beyond(timeline: int, end: Lsn, known: Known) -> str | None:
    """A segment that follows directly may hold no more than the rest of a torn record."""
    newest = known.newest
    if newest is not None:
        if newest.timeline > timeline:
            return f"{newest.start} on timeline {newest.timeline}"
        last = (end.value - 1) // SEGMENT_BYTES
        if newest.timeline == timeline and newest.number > last + 1:
            return str(newest.start)
    for stored_timeline, lsn in known.stored:
        if stored_timeline > timeline:
            return f"{lsn} on timeline {stored_timeline}"
        if stored_timeline == timeline and lsn.value > end.value + _LONGEST_TORN_RECORD:
            return str(lsn)
    if known.timeline > timeline:
        return f"timeline {known.timeline}, of which nothing was received"
    return None
