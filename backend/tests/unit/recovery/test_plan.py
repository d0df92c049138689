"""When a backup is due, and from which one a moment is reached."""

from __future__ import annotations

from datetime import timedelta

import pytest

from insightengine.application.backup import BackupPolicy
from insightengine.core.errors import ConflictError, InvalidInputError, NotFoundError
from insightengine.core.lsn import Lsn
from insightengine.core.schedule import parse_schedule
from insightengine.recovery.lineage import Lineage
from insightengine.recovery.models import Backup, BackupKind, NamedPoint, Standing
from insightengine.recovery.moments import Moment
from insightengine.recovery.plan import (
    Due,
    TargetKind,
    backup_due,
    chain_of,
    parse_target,
    restore_plan,
)
from tests.unit.recovery.backups import NOW, backup

POLICY = BackupPolicy(full=parse_schedule("0 0 * * sun"), incremental=parse_schedule("30 * * * *"))


def due(backups: list[Backup], timeline: int = 1, keys: str = "age1x") -> Due | None:
    standings = {b.id: Standing.VERIFIED for b in backups}
    return backup_due(POLICY, backups, standings, timeline, (keys,), NOW)


def test_the_first_backup_is_due_at_once() -> None:
    assert due([]) == Due(BackupKind.FULL, "there is no backup")


def test_nothing_is_due_before_its_time() -> None:
    assert due([backup(0.01)]) is None


def test_backups_are_due_by_schedule() -> None:
    assert due([backup(0.9)]) == Due(BackupKind.INCREMENTAL, "by schedule")
    assert due([backup(8), backup(0.01)]) is None
    assert due([backup(8)]) == Due(BackupKind.FULL, "by schedule")


def test_another_timeline_needs_a_full_backup() -> None:
    found = due([backup(0.01)], timeline=2)
    assert found is not None
    assert found.kind is BackupKind.FULL


def test_another_key_needs_a_full_backup() -> None:
    found = due([backup(0.01)], keys="age1y")
    assert found is not None
    assert found.kind is BackupKind.FULL


def test_a_backup_behind_the_point_where_its_timeline_was_left_leads_nowhere() -> None:
    early, late = backup(3), backup(1)
    lineage = Lineage(2, {1: Lsn(early.stop.value + 1)})
    standings = {b.id: Standing.VERIFIED for b in (early, late)}
    target = parse_target("latest", (), (), (), NOW)
    found = restore_plan(target, [early, late], standings, None, None, lineage)
    assert found.backup == early
    assert restore_plan(target, [early, late], standings, None, None).backup == late


def test_a_damaged_backup_is_none() -> None:
    bad = backup(0.01)
    found = backup_due(POLICY, [bad], {bad.id: Standing.DAMAGED}, 1, ("age1x",), NOW)
    assert found == Due(BackupKind.FULL, "there is no backup")


def test_a_chain_whose_parent_is_missing_is_broken() -> None:
    full = backup(2)
    with pytest.raises(ConflictError, match=full.id):
        chain_of(backup(1, full), [])


POINT = NamedPoint("before-release-7f3a-9", 1, Lsn(99_999_500), NOW - timedelta(hours=12))


def target(text: str, moments: list[Moment] | None = None):  # type: ignore[no-untyped-def]
    return parse_target(text, [POINT], [backup(2)], moments or [], NOW)


def test_a_release_means_the_newest_moment_before_it_was_made() -> None:
    again = NamedPoint("before-release-7f3a-12", 1, Lsn(99_999_900), NOW - timedelta(hours=1))
    other = NamedPoint("before-release-7f3aa-13", 1, Lsn(99_999_950), NOW)
    found = parse_target("7f3a", [POINT, again, other], [backup(2)], [], NOW)
    assert (found.kind, found.lsn) == (TargetKind.POINT, again.lsn)


def test_every_kind_of_target_is_understood() -> None:
    assert target("latest").kind is TargetKind.LATEST
    assert target("0/16B3748").lsn == Lsn.parse("0/16B3748")
    assert target("before-release-7f3a-9").lsn == POINT.lsn
    assert target(backup(2).id).kind is TargetKind.BACKUP
    assert target("2026-06-15T11:00:00Z").at == NOW - timedelta(hours=1)


@pytest.mark.parametrize("text", ["yesterday", "", "0/", "2027-01-01T00:00:00Z"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        target(text)


def test_a_time_that_came_twice_is_refused_with_both_positions() -> None:
    minute = timedelta(minutes=1)
    moments = [
        Moment(NOW - 9 * minute, 1, Lsn(100)),
        Moment(NOW - 2 * minute, 1, Lsn(200)),
        Moment(NOW - 8 * minute, 1, Lsn(300)),
        Moment(NOW - 1 * minute, 1, Lsn(400)),
    ]
    with pytest.raises(ConflictError) as raised:
        target("2026-06-15T11:55:00Z", moments)
    assert str(Lsn(200)) in str(raised.value.hint)
    assert str(Lsn(400)) in str(raised.value.hint)


def test_a_restore_takes_the_newest_proven_backup_before_the_target() -> None:
    old, middle, new = backup(3), backup(2), backup(1)
    standings = {old.id: Standing.RESTORED, middle.id: Standing.VERIFIED}
    found = restore_plan(target("latest"), [old, middle, new], standings, new.stop, None)
    assert found.backup == middle
    assert found.wal_bytes == new.stop - middle.start
    at = target((NOW - timedelta(days=2.5)).isoformat())
    assert restore_plan(at, [old, middle, new], standings, None, None).backup == old


def test_without_any_proven_backup_the_newest_is_taken_and_shown_as_unverified() -> None:
    found = restore_plan(target("latest"), [backup(3), backup(1)], {}, None, 1e6)
    assert found.backup == backup(1)
    assert found.standing is Standing.UNVERIFIED
    assert found.is_estimate_measured


def test_a_moment_before_the_first_backup_cannot_be_reached() -> None:
    with pytest.raises(NotFoundError, match="no backup ends before"):
        restore_plan(target((NOW - timedelta(days=9)).isoformat()), [backup(3)], {}, None, None)


def test_the_recovery_stops_before_a_position_and_after_a_time() -> None:
    assert target("0/100").settings["recovery_target_inclusive"] == "off"
    assert "recovery_target_time" in target("2026-06-15T11:00:00Z").settings
    assert target("latest").settings == {"recovery_target_timeline": "latest"}
