"""A repository that was away gets what it lacks."""

from __future__ import annotations

from pathlib import Path

from insightengine.core.lsn import Lsn, Segment
from insightengine.recovery import names
from insightengine.recovery.catchup import catch_up, lacking
from insightengine.recovery.journal import OperationKind
from tests.unit.recovery.backups import backup
from tests.unit.recovery.houses import house, store

NEEDED, OLD = Segment(1, 10), Segment(1, 1)


def test_what_is_kept_is_copied_and_what_is_not_needed_is_left(tmp_path: Path) -> None:
    of = house(tmp_path)
    first, second = of.repositories
    made = store(of, at(NEEDED.start), first)
    for segment in (NEEDED, OLD):
        first.put(names.wal(segment), segment.name.encode())
    first.put(names.wal_slice(Segment(1, 11), 0), b"a part")
    assert lacking(of) == [made.id]

    asked = of.journal.ask(OperationKind.SYNC, {}, "test", of.now())
    result = catch_up(of, asked.id, {})

    assert result["copied"][second.name] == 4
    assert second.get(names.data(made.id, 0)) == b"part"
    assert second.get(names.wal(NEEDED)) == NEEDED.name.encode()
    assert not second.exists(names.wal(OLD))
    assert [one.id for one in second.read_all().backups] == [made.id]
    assert lacking(of) == []


def test_a_backup_is_listed_only_once_its_log_is_there(tmp_path: Path) -> None:
    of = house(tmp_path)
    first, second = of.repositories
    made = store(of, at(NEEDED.start), first)

    asked = of.journal.ask(OperationKind.SYNC, {}, "test", of.now())
    catch_up(of, asked.id, {})

    assert second.get(names.data(made.id, 0)) == b"part"
    assert list(second.objects("backups/")) == []
    assert lacking(of) == [made.id]


def test_a_damaged_object_is_not_spread(tmp_path: Path) -> None:
    of = house(tmp_path)
    first, second = of.repositories
    made = store(of, at(NEEDED.start), first)
    damaged = bytearray(first.get_sealed(names.data(made.id, 0)))
    damaged[-1] ^= 1
    first.put_sealed(names.data(made.id, 0), bytes(damaged))

    asked = of.journal.ask(OperationKind.SYNC, {}, "test", of.now())
    result = catch_up(of, asked.id, {})

    assert "damaged" in result["problems"][0]
    assert list(second.objects("backups/")) == []


def at(start: Lsn):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(backup(0.01), start=start, stop=Lsn(start.value + 10))
