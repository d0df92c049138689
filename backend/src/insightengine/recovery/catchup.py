"""A repository that was away gets what it lacks from one that was not.

Objects are the same in every repository, sealed for their key, so that they are copied as they
are; each is opened before it is stored. Descriptions of backups come last: what is listed is whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from insightengine.core.errors import InsightError
from insightengine.recovery import names
from insightengine.recovery.house import House
from insightengine.recovery.journal import Progress
from insightengine.recovery.models import Backup
from insightengine.recovery.repository import Repository
from insightengine.recovery.retention import PrunePlan
from insightengine.recovery.service import missing_log, plan_prune, verify_objects

_ALWAYS = (names.BUNDLES, "points/", "checks/")


def catch_up(house: House, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Copies what is kept and missing, between all repositories that answer. Idempotent."""
    del request
    plan = plan_prune(house)
    answering = house.answering()
    copied: dict[str, int] = {}
    problems: list[str] = []
    for target in answering:
        for source in answering:
            if source is target:
                continue
            try:
                copied[target.name] = copied.get(target.name, 0) + _copy(
                    house, operation, plan, source, target
                )
            except InsightError as error:
                problems.append(f"{target.name} from {source.name}: {error.message}")
    return {"copied": copied, "problems": problems, "away": _away(house, answering)}


def lacking(house: House) -> list[str]:
    """Backups that are kept and that not every repository has."""
    copies = house.catalogue.copies()
    wanted = {repository.name for repository in house.repositories}
    kept = {keep.backup for keep in plan_prune(house).keep}
    return sorted(one for one in kept if copies.get(one, frozenset()) < wanted)


def _away(house: House, answering: list[Repository]) -> list[str]:
    present = {repository.name for repository in answering}
    return [one.name for one in house.repositories if one.name not in present]


def _copy(
    house: House, operation: str, plan: PrunePlan, source: Repository, target: Repository
) -> int:
    kept = {keep.backup for keep in plan.keep}
    held = house.catalogue.copies()
    wanted = [b for b in house.backups() if b.id in kept and source.name in held.get(b.id, ())]
    prefixes = [names.data_folder(b.id) for b in wanted] + [
        names.state_folder(b.id) for b in wanted
    ]
    count = 0
    for prefix in [*prefixes, "wal/", *_ALWAYS]:
        present = {found.key for found in target.objects(prefix)}
        for found in source.objects(prefix):
            if found.key in present or not _is_wanted(found.key, plan):
                continue
            content = source.get_sealed(found.key)
            source.envelope.open(found.key, content)
            target.put_sealed(found.key, content)
            count += 1
            text = f"copying to {target.name}"
            house.journal.progress(operation, Progress(text, count))
    for backup in wanted:
        count += _publish(house, backup, target)
    return count


def _publish(house: House, backup: Backup, target: Repository) -> int:
    """One whose log is still on its way is left for the next time."""
    if target.exists(names.backup(backup.id)) or missing_log(backup, target):
        return 0
    target.publish(backup)
    house.catalogue.add(backup, [target.name])
    verify_objects(house, backup, target)
    return 1


def _is_wanted(key: str, plan: PrunePlan) -> bool:
    """Of WAL whole segments that a kept backup needs, and histories; parts are outlived soon."""
    if not key.startswith("wal/"):
        return names.slice_of(key) is None
    segment = names.segment_of(key)
    if segment is None:
        return names.history_of(key) is not None
    if not plan.wal_from:
        return True
    oldest = min(plan.wal_from)
    if segment.timeline == oldest:
        return segment.end > plan.wal_from[oldest]
    return segment.timeline > oldest
