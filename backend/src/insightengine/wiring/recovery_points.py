"""Named moments: asked for by a person, or by a release before it changes anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from insightengine.recovery.house import House
from insightengine.recovery.models import NamedPoint
from insightengine.recovery.points import mark_point
from insightengine.wiring.environment import PlatformContext, running_context
from insightengine.wiring.recovery import house_of


def mark(project: Path, name: str) -> NamedPoint:
    """Raises ConflictError for a name that is taken."""
    house = house_of(running_context(project))
    try:
        return mark_point(house, name)
    finally:
        house.close()


def mark_release(context: PlatformContext, name: str) -> str:
    """The position of a moment that a release names; asked again, it is the later one."""
    house = house_of(context)
    try:
        return str(mark_point(house, name, again=True).lsn)
    finally:
        house.close()


def point_table(house: House) -> list[dict[str, Any]]:
    """Every named moment, the newest first."""
    return [
        {
            "name": point.name,
            "at": point.at.isoformat(timespec="seconds"),
            "timeline": point.timeline,
            "lsn": str(point.lsn),
        }
        for point in reversed(house.catalogue.points())
    ]
