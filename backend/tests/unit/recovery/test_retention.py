"""What is pruned: never the newest proven backup, nor what a kept one builds on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from insightengine.application.backup import Retention
from insightengine.core.lsn import Lsn
from insightengine.recovery.models import Backup, Standing
from insightengine.recovery.retention import PrunePlan, prune_plan
from tests.unit.recovery.backups import NOW, backup

NOTHING = Retention(full=1, days=0)


def plan(
    backups: Sequence[Backup], retention: Retention = NOTHING, unproven: Sequence[Backup] = ()
) -> PrunePlan:
    standings = {b.id: Standing.VERIFIED for b in backups}
    standings |= {b.id: Standing.UNVERIFIED for b in unproven}
    return prune_plan(backups, standings, retention, NOW)


def kept(found: PrunePlan) -> list[str]:
    return [one.backup for one in found.keep]


def test_the_newest_full_ones_stay() -> None:
    backups = [backup(days) for days in (30, 20, 10)]
    found = plan(backups, Retention(full=2, days=0))
    assert kept(found) == [backups[1].id, backups[2].id]
    assert found.remove == (backups[0].id,)


def test_what_a_kept_backup_builds_on_stays() -> None:
    full = backup(9)
    first = backup(8, full)
    second = backup(1, first)
    other = backup(2, full)
    found = plan([full, first, other, second])
    assert kept(found) == [full.id, first.id, second.id]


def test_what_a_kept_backup_builds_on_stays_where_the_clock_was_set_back() -> None:
    """The later one has the lower id; positions do not go back."""
    full = backup(1)
    later = replace(
        backup(5, full), start=Lsn(full.start.value + 20), stop=Lsn(full.stop.value + 20)
    )
    assert later.id < full.id
    found = plan([later, full])
    assert kept(found) == [full.id, later.id]
    assert found.remove == ()


def test_an_unproven_backup_takes_nobody_elses_place() -> None:
    proven, newer = backup(5), backup(1)
    found = plan([proven, newer], unproven=[newer])
    assert kept(found) == [proven.id, newer.id]
    assert {one.reason for one in found.keep} == {"newest proven", "newer than the newest proven"}


def test_a_damaged_backup_does_not_count() -> None:
    good, bad = backup(5), backup(1)
    standings = {good.id: Standing.RESTORED, bad.id: Standing.DAMAGED}
    found = prune_plan([good, bad], standings, NOTHING, NOW)
    assert kept(found) == [good.id]


def test_grandfathers_fathers_and_sons_stay() -> None:
    backups = [backup(days) for days in range(60, -1, -1)]
    found = plan(backups, Retention(full=1, days=0, daily=3, weekly=3, monthly=3))
    ages = [(NOW - b.ended_at).days for b in backups if b.id in kept(found)]
    assert ages == [46, 15, 8, 2, 1, 0]


def test_wal_is_needed_from_the_oldest_kept_backup_of_each_timeline() -> None:
    old, new = backup(5, timeline=1), backup(1, timeline=2)
    found = plan([old, new], Retention(full=2, days=0))
    assert found.wal_from == {1: old.start, 2: new.start}


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans(), st.booleans()), max_size=30),
    st.builds(
        Retention,
        full=st.integers(1, 4),
        days=st.integers(0, 60),
        daily=st.integers(0, 5),
        weekly=st.integers(0, 5),
        monthly=st.integers(0, 5),
    ),
)
def test_a_chain_is_never_torn_and_the_newest_proven_one_never_lost(
    made: list[tuple[int, bool, bool]], retention: Retention
) -> None:
    backups: list[Backup] = []
    standings: dict[str, Standing] = {}
    for days, builds_on_last, is_proven in sorted(made, reverse=True):
        one = backup(days, backups[-1] if builds_on_last and backups else None)
        if one.id in standings:
            continue
        backups.append(one)
        standings[one.id] = Standing.VERIFIED if is_proven else Standing.UNVERIFIED
    found = prune_plan(backups, standings, retention, NOW)
    stays = set(kept(found))
    assert stays | set(found.remove) == {one.id for one in backups}
    assert all(one.parent in stays for one in backups if one.id in stays and one.parent)
    proven = [
        one.id
        for one in sorted(backups, key=lambda b: b.id)
        if standings[one.id] is Standing.VERIFIED
    ]
    assert not proven or proven[-1] in stays
