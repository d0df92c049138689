"""Moments with a name: written into the WAL, remembered here and in every repository."""

from __future__ import annotations

from insightengine.core.errors import ConflictError, InvalidInputError
from insightengine.recovery import names
from insightengine.recovery.house import House
from insightengine.recovery.models import NamedPoint
from insightengine.recovery.repository import Repository


def mark_point(house: House, name: str, *, again: bool = False) -> NamedPoint:
    """Names the present moment, to which a restore can go back.

    The repositories get the point within a second (`spread_points`). Raises
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
    return point


def spread_points(house: House, repository: Repository) -> int:
    """Writes into a repository the points that it lacks; how many. Called again and again.

    Nobody who marks a moment waits for a repository: a release would, for one that is away.
    """
    known = f"points in {repository.name}"
    stored = set(house.catalogue.fact(known) or ())
    missing = [point for point in house.catalogue.points() if point.name not in stored]
    for point in missing:
        repository.add_point(point)
    if missing:
        house.catalogue.set_fact(known, sorted(stored | {point.name for point in missing}))
    return len(missing)
