"""Moments with a name: written into the WAL, remembered here and in every repository."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from insightengine.core.errors import ConflictError, InsightError, InvalidInputError
from insightengine.recovery import names
from insightengine.recovery.house import House
from insightengine.recovery.models import NamedPoint


def mark_point(house: House, name: str, *, again: bool = False) -> NamedPoint:
    """Names the present moment, to which a restore can go back.

    A repository that does not answer gets the point later (`spread_points`). Raises
    InvalidInputError for what is no name, and ConflictError for one that is taken, unless `again`.
    """
    if not names.is_point_name(name):
        raise InvalidInputError(
            f"found the name {name[:80]!r}, allowed are 1 to 63 letters, digits and _.:@-",
            hint="insight backup mark before-import",
        )
    if not again and any(point.name == name for point in house.catalogue.points()):
        raise ConflictError(
            f"the point {name} exists; it stays where it is",
            code="name_taken",
            hint="insight backup points; choose another name",
        )
    with house.server() as server:
        timeline = server.state().timeline
        lsn = server.create_restore_point(name)
    point = NamedPoint(name, timeline, lsn, house.now())
    house.catalogue.add_point(point)
    for repository in house.repositories:
        with suppress(InsightError):
            repository.add_point(point)
    return point


def spread_points(house: House, points: Sequence[NamedPoint]) -> int:
    """Writes points into the repositories that lack them; how many copies are still missing."""
    missing = 0
    for repository in house.repositories:
        try:
            for point in points:
                if not repository.exists(names.point(point.name)):
                    repository.add_point(point)
        except InsightError:
            missing += len(points)
    return missing
