"""Which old releases are no longer kept, and what of their artefacts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from insightengine.runtimes.port import Artefact


@dataclass(frozen=True, slots=True)
class Kept:
    """A release of the catalogue. `last_used` is when it began to serve last, else its making."""

    id: str
    last_used: datetime
    artefacts: frozenset[Artefact]


@dataclass(frozen=True, slots=True)
class Needed:
    """What may not go, whatever its age: `releases` that serve, are warm, are under way or are
    what a rollback brings back; `artefacts` that something runs from."""

    releases: frozenset[str]
    artefacts: frozenset[Artefact] = frozenset()


@dataclass(frozen=True, slots=True)
class Surplus:
    """What goes. Artefacts that another kept release uses are not in it."""

    releases: tuple[str, ...] = ()
    artefacts: tuple[Artefact, ...] = ()


def surplus(
    releases: Sequence[Kept],
    stored: Iterable[Artefact],
    needed: Needed,
    *,
    least: int,
    younger_than_s: float,
    now: datetime,
) -> Surplus:
    """The oldest ones, beyond the `least` youngest and those `younger_than_s`.

    By when they served last: so whatever served after a kept release is kept too, and with it what
    a rollback has to know of the migrations in between.
    """
    ordered = sorted(releases, key=lambda one: one.last_used, reverse=True)
    young = now - timedelta(seconds=younger_than_s)
    gone = [
        one
        for number, one in enumerate(ordered)
        if number >= least and one.last_used < young and one.id not in needed.releases
    ]
    names = {one.id for one in gone}
    used = needed.artefacts.union(*(one.artefacts for one in ordered if one.id not in names))
    orphans = sorted((a for a in stored if a not in used), key=lambda a: (a.service, a.digest))
    return Surplus(tuple(one.id for one in reversed(gone)), tuple(orphans))
